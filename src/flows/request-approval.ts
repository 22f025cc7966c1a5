import { isOn } from '../access/flag.ts';
import { requirePermission } from '../access/permission.ts';
import { type Approval, newApproval, stateOf } from '../approvals/approval.ts';
import { type ApprovalBook, PENDING_LIMIT } from '../approvals/book.ts';
import type { Proposal, SealedProposal } from '../approvals/proposal.ts';
import { PalyraError } from '../errors.ts';
import { ulid } from '../ids.ts';
import { PAYLOAD_BYTES } from '../store/bounds.ts';
import type { Acted, Desk, Moment } from './act.ts';
import { actOnGate } from './gate-work.ts';
import type { Gate } from './open-gate.ts';
import type { Allow, Ask, Deny, GateDecision } from './pass-gate.ts';

/** What a call is taken through the gate with. */
export interface GateDesk extends Desk {
  readonly gate: Gate;
}

/** The gate's answer; an ask with the approval that now waits for an operator. */
export type RequestAnswer = Allow | Deny | (Ask & { readonly approval: Approval });

/**
 * Take a call through the gate and record what came of it before anybody learns of it: an allow counts towards the run's
 * budget, an ask leaves a pending approval and keeps the input's bytes.
 * @param timeoutMs how long an operator has
 * @throws PalyraError input.invalid, input.too_large, access.forbidden, store.*
 */
export async function requestApproval(
  desk: GateDesk,
  proposal: Proposal,
  timeoutMs: number,
): Promise<Acted<RequestAnswer>> {
  checkProposal(proposal);
  const { gate, clock, random } = desk;
  const call = gate.seal(proposal);
  const approvalId = ulid(clock(), random(10));
  return await actOnGate<RequestAnswer>(desk, (state, moment) => {
    refuseForeignPrincipal(call, moment);
    const decision = gate.pass(call, state, moment.now);
    const payload = gatePayload(decision);
    if (decision.decision === 'allow') {
      return { answer: decision, entry: { kind: 'gate.allow', payload }, book: gate.count(state.approvals, call) };
    }
    if (decision.decision === 'deny') {
      return { answer: decision, entry: { kind: 'gate.deny', payload }, book: state.approvals };
    }
    const approval = newApproval(call, {
      approvalId,
      requestedBy: moment.acting.actor.principal,
      now: moment.now,
      timeoutMs,
      why: decision.why,
      evaluation: `${decision.policy.decision}: ${decision.policy.reasonCode}`,
      payloadBytes: proposal.payload.length,
    });
    return {
      answer: { ...decision, approval },
      entry: { kind: 'approval.request', payload: { approval } },
      book: addPending(state.approvals, approval, moment.now),
      payloads: [proposal.payload],
    };
  });
}

/** What the journal says of an allow or a deny: what was asked, and why it ended so. */
export function gatePayload(decision: GateDecision): Readonly<Record<string, unknown>> {
  const { request, payloadSha256, requestSha256 } = decision.call;
  return {
    principal: request.principal,
    action: request.action,
    resource: request.resource,
    ...(request.sessionId === '' ? {} : { session_id: request.sessionId }),
    ...(request.runId === '' ? {} : { run_id: request.runId }),
    payload_sha256: payloadSha256,
    request_sha256: requestSha256,
    ...(decision.decision === 'allow' ? groundOf(decision) : {}),
    ...(decision.decision === 'deny' ? { reason_codes: decision.reasons.map(({ code }) => code) } : {}),
  };
}

const SUMMARY_BYTES = 1024;

function checkProposal({ summary, payload }: Proposal): void {
  if (Buffer.byteLength(summary) > SUMMARY_BYTES) {
    throw new PalyraError('input.too_large', 'the summary is too long', { why: `at most ${SUMMARY_BYTES} bytes` });
  }
  if (payload.length > PAYLOAD_BYTES) {
    throw new PalyraError('input.too_large', 'the input is too large', { why: `at most ${PAYLOAD_BYTES} bytes` });
  }
}

/** With rbac on, asking in another's name is acting for them: or one could ask as somebody else and approve oneself. */
function refuseForeignPrincipal({ request }: SealedProposal, { acting, registry }: Moment): void {
  if (!isOn(registry, 'rbac') || request.principal === acting.principal) return;
  requirePermission(registry, acting, 'trust.operate');
}

function addPending(book: ApprovalBook, approval: Approval, now: number): ApprovalBook {
  if (book.approvals.filter((other) => stateOf(other, now) === 'pending').length >= PENDING_LIMIT) {
    throw new PalyraError('input.too_large', `${PENDING_LIMIT} approvals are waiting already`, {
      hint: 'palyra approvals resolve',
    });
  }
  return { ...book, approvals: [...book.approvals, approval] };
}

function groundOf({ authority: { ground } }: Allow): Readonly<Record<string, unknown>> {
  switch (ground.kind) {
    case 'policy':
      return { ground: 'policy' };
    case 'grant':
      return { ground: 'grant', grant_id: ground.grant.grant_id, approval_id: ground.grant.approval_id };
    case 'approval':
      return { ground: 'approval', approval_id: ground.approval.approval_id };
  }
}
