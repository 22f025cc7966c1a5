import { canonicalJson } from '../canonical.ts';
import { PalyraError } from '../errors.ts';
import { shortId } from '../ids.ts';
import type { PolicyRequest } from '../policy/request.ts';
import { type Checked, list, oneOf, optional, record, text, whole } from '../schema.ts';
import { nameWords } from '../text.ts';
import { executionContext, type SealedProposal } from './proposal.ts';
import { RISKS, riskOf } from './risk.ts';

export const SCOPES = ['once', 'session', 'timeboxed'] as const;
export type Scope = (typeof SCOPES)[number];

/** Palyra itself makes the first two. */
export const SUBJECT_TYPES = [
  'tool',
  'browser_action',
  'channel_send',
  'secret_access',
  'node_capability',
  'device_pairing',
] as const;

const decision = oneOf('allow', 'deny', 'timeout', 'error');

export const approvalRecord = record({
  approval_id: text,
  session_id: text,
  run_id: text,
  principal: text,
  /** who was authenticated when it was asked for, whomever they asked as; absent from older records */
  requested_by: optional(text),
  device_id: text,
  channel: optional(text),
  requested_at_unix_ms: whole,
  expires_at_unix_ms: whole,
  resolved_at_unix_ms: optional(whole),
  subject_type: oneOf(...SUBJECT_TYPES),
  subject_id: text,
  request_summary: text,
  policy_snapshot: record({ policy_id: text, policy_hash: text, evaluation_summary: text }),
  prompt: record({
    title: text,
    risk_level: oneOf(...RISKS),
    subject_id: text,
    summary: text,
    options: list(text),
    timeout_seconds: whole,
    details_json: text,
    policy_explanation: text,
  }),
  decision: optional(decision),
  decision_scope: optional(oneOf(...SCOPES)),
  decision_reason: optional(text),
  decision_scope_ttl_ms: optional(whole),
  decided_by: optional(text),
  // what was asked for, so that it can be judged again when it is claimed
  action: text,
  resource: text,
  tool_name: optional(text),
  skill_id: optional(text),
  capabilities: list(text),
  execution: optional(executionContext),
  payload_sha256: text,
  request_sha256: text,
  /** the standing grant that the decision made */
  grant_id: optional(text),
  /** when the one execution that it allows was claimed */
  used_at_unix_ms: optional(whole),
});

/** An operator's answer to one ask, or the ask that still waits for it. In the words of the file. */
export type Approval = Checked<typeof approvalRecord>;

export type ApprovalState = 'pending' | 'allowed' | 'used' | 'lapsed' | 'denied' | 'timed_out' | 'failed';

/** What asks, when, and until when. */
export interface AskTerms {
  readonly approvalId: string;
  /** the authenticated principal of whoever asks, whomever they ask as */
  readonly requestedBy: string;
  readonly now: number;
  readonly timeoutMs: number;
  /** why it is asked for, in words */
  readonly why: string;
  /** how far policy permits it, in words */
  readonly evaluation: string;
  /** bytes of the input */
  readonly payloadBytes: number;
}

/** A call on which palyra always asks: no posture and no standing grant speaks for it. */
export function isAlwaysAsked({ request }: Pick<SealedProposal, 'request'>): boolean {
  return request.tool === 'palyra.plugin.run' || request.action === 'skill.execute';
}

/** A new pending approval. */
export function newApproval(call: SealedProposal, terms: AskTerms): Approval {
  const { request, execution } = call;
  const subjectId = subjectOf(call);
  const title = request.tool === '' ? request.action : request.tool;
  return {
    approval_id: terms.approvalId,
    session_id: request.sessionId,
    run_id: request.runId,
    principal: request.principal,
    requested_by: terms.requestedBy,
    device_id: request.deviceId,
    ...(request.channel === '' ? {} : { channel: request.channel }),
    requested_at_unix_ms: terms.now,
    expires_at_unix_ms: terms.now + terms.timeoutMs,
    subject_type: title.startsWith('palyra.browser.') ? 'browser_action' : 'tool',
    subject_id: subjectId,
    request_summary: call.summary,
    policy_snapshot: {
      policy_id: 'tool_call_policy.v1',
      policy_hash: call.policyHash,
      evaluation_summary: terms.evaluation,
    },
    prompt: {
      title,
      risk_level: riskOf(request.tool, execution),
      subject_id: subjectId,
      summary: call.summary,
      options: optionsOf(call),
      timeout_seconds: Math.round(terms.timeoutMs / 1000),
      details_json: canonicalJson({ payload_bytes: terms.payloadBytes, payload_sha256: call.payloadSha256 }),
      policy_explanation: terms.why,
    },
    action: request.action,
    resource: request.resource,
    ...(request.tool === '' ? {} : { tool_name: request.tool }),
    ...(request.skill === '' ? {} : { skill_id: request.skill }),
    capabilities: request.capabilities,
    ...(execution === undefined ? {} : { execution }),
    payload_sha256: call.payloadSha256,
    request_sha256: call.requestSha256,
  };
}

/** Whether one of these principals asked for it, in their own name or as somebody else. */
export function isAskedBy({ principal, requested_by: requestedBy }: Approval, names: readonly string[]): boolean {
  return names.includes(principal) || (typeof requestedBy === 'string' && names.includes(requestedBy));
}

/** The request that an approval was asked for. */
export function requestOf(approval: Approval): PolicyRequest {
  return {
    principal: approval.principal,
    action: approval.action,
    resource: approval.resource,
    context: {
      device_id: approval.device_id,
      session_id: approval.session_id,
      run_id: approval.run_id,
      channel: approval.channel ?? '',
      tool_name: approval.tool_name ?? '',
      skill_id: approval.skill_id ?? '',
      capabilities: approval.capabilities,
    },
  };
}

/**
 * Where an approval stands: one whose time is over counts as decided, whether or not anybody has written it down. An allow
 * that nobody claims lapses as long after the answer as the question was given: "now" was said, and means now.
 */
export function stateOf(approval: Approval, now: number): ApprovalState {
  switch (approval.decision) {
    case 'allow':
      if (typeof approval.used_at_unix_ms === 'number') return 'used';
      return lapsesAt(approval) <= now ? 'lapsed' : 'allowed';
    case 'deny':
      return 'denied';
    case 'timeout':
      return 'timed_out';
    case 'error':
      return 'failed';
    default:
      return approval.expires_at_unix_ms <= now ? 'timed_out' : 'pending';
  }
}

/** Whether an operator said yes, whatever became of it. */
export function isAllowed(state: ApprovalState): boolean {
  return state === 'allowed' || state === 'used' || state === 'lapsed';
}

/** When an allow that was not claimed is good no more. */
function lapsesAt({ resolved_at_unix_ms: resolvedAt, ...asked }: Approval): number {
  return (resolvedAt ?? asked.requested_at_unix_ms) + asked.expires_at_unix_ms - asked.requested_at_unix_ms;
}

/** Whether the time of an approval is over and nobody has written it down yet. */
export function isOverdue(approval: Approval, now: number): boolean {
  return typeof approval.decision !== 'string' && approval.expires_at_unix_ms <= now;
}

/** An operator's answer. `digest`: what they saw, at least 8 characters of request_sha256. */
export type Verdict =
  | {
      readonly decision: 'allow';
      readonly scope: Scope;
      readonly ttlMs?: number;
      readonly reason?: string;
      readonly digest: string;
    }
  | { readonly decision: 'deny'; readonly reason?: string; readonly digest?: string };

/** What a decision adds to an approval. */
export type Settlement = Pick<
  Approval,
  | 'decision'
  | 'decision_scope'
  | 'decision_reason'
  | 'decision_scope_ttl_ms'
  | 'decided_by'
  | 'resolved_at_unix_ms'
  | 'grant_id'
>;

const REASON_BYTES = 1024;

/** A timeboxed grant lasts at most so long. */
export const LONGEST_GRANT_MS = 8 * 3_600_000;

/**
 * What an operator's answer makes of a pending approval.
 * @throws PalyraError store.conflict (decided already, with what was decided; another digest), usage.invalid
 */
export function settle(
  approval: Approval,
  verdict: Verdict,
  { by, now }: { readonly by: string; readonly now: number },
): Settlement {
  if (stateOf(approval, now) !== 'pending') throw decidedAlready(approval, now);
  if (verdict.digest !== undefined && !isDigestOf(verdict.digest, approval)) {
    throw new PalyraError(
      'store.conflict',
      `${shortId(approval.approval_id)} has another digest than the one you saw`,
      {
        why: 'what waits is not what you looked at',
        hint: `palyra approvals show ${approval.approval_id}`,
      },
    );
  }
  if (Buffer.byteLength(verdict.reason ?? '') > REASON_BYTES) {
    throw new PalyraError('input.too_large', 'the reason is too long', { why: `at most ${REASON_BYTES} bytes` });
  }
  const common = {
    decided_by: by,
    resolved_at_unix_ms: now,
    ...(verdict.reason === undefined ? {} : { decision_reason: verdict.reason }),
  };
  if (verdict.decision === 'deny') return { decision: 'deny', ...common };
  if (!approval.prompt.options.includes(verdict.scope)) {
    throw new PalyraError('usage.invalid', `${shortId(approval.approval_id)} cannot be allowed ${verdict.scope}`, {
      why: `the choices are ${approval.prompt.options.join(', ')}`,
      hint: 'leave --scope out to allow it once',
    });
  }
  return { decision: 'allow', decision_scope: verdict.scope, ...common, ...ttlOf(verdict) };
}

/** What the end of its time makes of a pending approval. */
export function timeOut(approval: Approval): Settlement {
  return { decision: 'timeout', decided_by: 'system', resolved_at_unix_ms: approval.expires_at_unix_ms };
}

/** Whether a digest, or at least 8 characters of it, is the one of this approval. */
function isDigestOf(digest: string, { request_sha256: whole }: Approval): boolean {
  return /^[0-9a-f]{8,64}$/i.test(digest) && whole.startsWith(digest.toLowerCase());
}

/** The error that says what was decided meanwhile. */
export function decidedAlready(approval: Approval, now: number): PalyraError {
  return new PalyraError(
    'store.conflict',
    `${shortId(approval.approval_id)} is decided already: ${decisionWords(approval, now)}`,
    {
      hint: `palyra approvals show ${approval.approval_id}`,
      details: { approval_id: approval.approval_id, decision: approval.decision ?? 'timeout' },
    },
  );
}

/** `allowed once by user:ops ("ok")`, for people. */
export function decisionWords(approval: Approval, now: number): string {
  const { decision_scope: scope, decision_reason: reason } = approval;
  const by = nameWords(approval.decided_by ?? 'nobody');
  const state = stateOf(approval, now);
  const allowed = `allowed ${SCOPE_WORDS[scope ?? 'once']} by ${by}`;
  const words = {
    pending: 'pending',
    allowed,
    used: `${allowed}, and used`,
    lapsed: `${allowed}, and lapsed`,
    denied: `denied by ${by}`,
    timed_out: 'nobody answered in time',
    failed: 'it could not be asked for',
  }[state];
  return reason === undefined || reason === null ? words : `${words} (${JSON.stringify(reason)})`;
}

const SCOPE_WORDS = { once: 'once', session: 'for the session', timeboxed: 'for a time' } as const satisfies Record<
  Scope,
  string
>;

/** For a session there must be one; what is always asked for is allowed once at a time. */
function optionsOf(call: SealedProposal): string[] {
  if (isAlwaysAsked(call)) return ['once', 'deny'];
  return call.request.sessionId === '' ? ['once', 'timeboxed', 'deny'] : [...SCOPES, 'deny'];
}

function ttlOf(verdict: Verdict & { readonly decision: 'allow' }): Pick<Settlement, 'decision_scope_ttl_ms'> {
  if (verdict.scope !== 'timeboxed') return {};
  const { ttlMs } = verdict;
  if (ttlMs !== undefined && ttlMs > 0 && ttlMs <= LONGEST_GRANT_MS) return { decision_scope_ttl_ms: ttlMs };
  throw new PalyraError('usage.invalid', 'a timeboxed grant needs a length of time of at most 8 h', {
    hint: '--ttl 1h',
  });
}

function subjectOf({ request }: SealedProposal): string {
  const subject =
    request.tool !== '' ? `tool:${request.tool}` : request.action === 'skill.execute' ? '' : `action:${request.action}`;
  if (request.skill === '') return subject;
  return subject === '' ? `skill:${request.skill}` : `${subject}|skill:${request.skill}`;
}
