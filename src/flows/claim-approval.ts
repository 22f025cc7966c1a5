import { namesOf } from '../access/actor.ts';
import { isOn } from '../access/flag.ts';
import { requirePermission } from '../access/permission.ts';
import { type Approval, decisionWords, isAskedBy, requestOf, stateOf } from '../approvals/approval.ts';
import { changeApproval } from '../approvals/book.ts';
import { isStanding } from '../approvals/grant.ts';
import type { Proposal, SealedProposal } from '../approvals/proposal.ts';
import { asciiLower, trim } from '../policy/request.ts';
import type { Acted, Moment } from './act.ts';
import { findApproval } from './find-approval.ts';
import { actOnGate, type BookOutcome, changeEntry } from './gate-work.ts';
import type { GateState } from './open-gate.ts';
import type { Authority, Reason } from './pass-gate.ts';
import type { GateDesk } from './request-approval.ts';

/**
 * Whether the call may be made now. pending: nobody has answered. denied: an operator said no or never answered,
 * their yes has lapsed, the grant is revoked, or the gate says no meanwhile. conflict: it is used already, or this is another call than was approved.
 */
export type ClaimAnswer =
  | { readonly outcome: 'allowed'; readonly approval: Approval; readonly authority: Authority }
  | {
      readonly outcome: 'pending' | 'denied' | 'conflict';
      readonly approval: Approval;
      readonly reasons: readonly [Reason, ...Reason[]];
    };

/**
 * What is about to run: the whole call made anew, or the input's bytes, and of the rest whatever the executor names; what
 * it does not name is as it was asked for.
 */
export type Claimed = Proposal | (Pick<Proposal, 'payload'> & { readonly named?: NamedCall });

/** A call in the words of whoever is about to make it. A tool without an action is executed, and so is a skill alone. */
export interface NamedCall {
  readonly tool?: string | undefined;
  readonly skill?: string | undefined;
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
}

/**
 * Use up an approval right before its call is made: only if it was allowed, only once, only for exactly what was
 * approved, and only if posture, policy, skill and budget still agree.
 * @param named the id, or the end of it
 * @throws PalyraError store.*, input.invalid, access.forbidden (with rbac on, what others asked for takes trust.operate)
 */
export async function claimApproval(desk: GateDesk, named: string, claimed: Claimed): Promise<Acted<ClaimAnswer>> {
  const found = await findApproval(desk, named);
  return await actOnGate<ClaimAnswer>(desk, (state, moment) => {
    const live = state.approvals.approvals.find(({ approval_id }) => approval_id === found.approval_id);
    return claim(desk, state, moment, live ?? found, claimed);
  });
}

function claim(
  { gate, dryRun }: GateDesk,
  state: GateState,
  moment: Moment,
  approval: Approval,
  claimed: Claimed,
): BookOutcome<ClaimAnswer> {
  refuseForeign(approval, moment);
  const { now } = moment;
  const { approvals: book } = state;
  const refuse = (outcome: 'pending' | 'denied' | 'conflict', reasons: readonly [Reason, ...Reason[]]) => ({
    answer: { outcome, approval, reasons },
    entry: {
      kind: 'approval.refuse' as const,
      payload: { approval_id: approval.approval_id, reason_codes: reasons.map(({ code }) => code) },
    },
    book,
  });
  const call = gate.seal({
    request: requestOf(approval),
    ...executionOf(approval),
    ...claimed,
    summary: approval.request_summary,
  });
  const named = 'named' in claimed ? claimed.named : undefined;
  const unready =
    stateRefusal(approval, state, now) ?? namedRefusal(approval, named ?? {}) ?? changeRefusal(approval, call);
  if (unready !== undefined) return refuse(unready.outcome, [unready]);
  const decision = gate.pass(call, state, now, approval);
  if (decision.decision === 'deny') return refuse('denied', decision.reasons);
  if (decision.decision === 'ask') return refuse('conflict', [{ code: 'approval.required', words: decision.why }]);
  const used = { used_at_unix_ms: now };
  return {
    answer: {
      outcome: 'allowed',
      approval: dryRun ? approval : { ...approval, ...used },
      authority: decision.authority,
    },
    entry: changeEntry('approval.claim', approval, used, { request_sha256: call.requestSha256 }),
    book: gate.count(changeApproval(book, approval.approval_id, used), call),
  };
}

/** An executor that asked for nothing would run under somebody else's answer. */
function refuseForeign(approval: Approval, { acting, registry }: Moment): void {
  if (!isOn(registry, 'rbac') || isAskedBy(approval, namesOf(acting))) return;
  requirePermission(registry, acting, 'trust.operate');
}

type Unready = Reason & { readonly outcome: 'pending' | 'denied' | 'conflict' };

/** No answer, no; and a yes that was used up or whose grant has ended. */
function stateRefusal(approval: Approval, { approvals: book }: GateState, now: number): Unready | undefined {
  const words = decisionWords(approval, now);
  switch (stateOf(approval, now)) {
    case 'pending':
      return { outcome: 'pending', code: 'approval.pending', words: 'nobody has answered yet' };
    case 'denied':
      return { outcome: 'denied', code: 'approval.denied', words };
    case 'timed_out':
      return { outcome: 'denied', code: 'approval.timed_out', words };
    case 'failed':
      return { outcome: 'denied', code: 'approval.error', words };
    case 'lapsed':
      return { outcome: 'denied', code: 'approval.lapsed', words: `${words}; ask again` };
    case 'used':
      return { outcome: 'conflict', code: 'approval.used', words };
    case 'allowed': {
      if (typeof approval.grant_id !== 'string') return undefined;
      const grant = book.grants.find(({ grant_id }) => grant_id === approval.grant_id);
      if (grant !== undefined && isStanding(grant, now)) return undefined;
      return { outcome: 'denied', code: 'approval.grant_ended', words: `${words}, and its grant has ended` };
    }
  }
}

/** What an executor says it is about to do is what was approved. */
function namedRefusal(approval: Approval, { tool, skill, ...named }: NamedCall): Unready | undefined {
  const action =
    named.action ?? (tool !== undefined ? 'tool.execute' : skill !== undefined ? 'skill.execute' : undefined);
  const parts: readonly (readonly [what: string, named: string | undefined, approved: string])[] = [
    ['the action', action && asciiLower(action), approval.action],
    ['the tool', tool && asciiLower(trim(tool)), approval.tool_name ?? ''],
    ['the skill', skill && asciiLower(trim(skill)), approval.skill_id ?? ''],
    ['the resource', named.resource, approval.resource],
  ];
  const other = parts.find(([, said, approved]) => said !== undefined && said !== approved);
  if (other === undefined) return undefined;
  const [what, said, approved] = other;
  return {
    outcome: 'conflict',
    code: 'approval.call_differs',
    words: `${what} that was approved is ${approved || 'none'}, not ${said}`,
  };
}

/** What was approved is what runs: any difference is named, and asks anew. */
function changeRefusal(approval: Approval, call: SealedProposal): Unready | undefined {
  if (call.requestSha256 === approval.request_sha256) return undefined;
  if (call.payloadSha256 !== approval.payload_sha256) {
    return { outcome: 'conflict', code: 'approval.input_differs', words: 'the input is not the one that was approved' };
  }
  if (call.policyHash !== approval.policy_snapshot.policy_hash) {
    const words = 'policies or configuration have changed since it was asked for';
    return { outcome: 'conflict', code: 'approval.policy_changed', words };
  }
  return { outcome: 'conflict', code: 'approval.call_differs', words: 'the call is not the one that was approved' };
}

function executionOf({ execution }: Approval): Pick<Proposal, 'execution'> {
  return execution === undefined || execution === null ? {} : { execution };
}
