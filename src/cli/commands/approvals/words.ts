import { type Approval, decisionWords, stateOf } from '../../../approvals/approval.ts';
import type { Allow, Authority, GateDecision, Reason } from '../../../flows/pass-gate.ts';
import { shortId } from '../../../ids.ts';
import { answerOf } from '../../../policy/answer.ts';
import { printable } from '../../../text.ts';
import { relative, rfc3339 } from '../../../time.ts';
import type { ExitName } from '../../exits.ts';

/** An approval as programs read it: the record as it is kept, where it stands now, and its times for people. */
export function approvalJson(approval: Approval, now: number) {
  const state = stateOf(approval, now);
  return {
    ...approval,
    state,
    ...(state === 'timed_out' ? { decision: 'timeout' } : {}),
    requested_at: rfc3339(approval.requested_at_unix_ms),
    expires_at: rfc3339(approval.expires_at_unix_ms),
    ...(typeof approval.resolved_at_unix_ms === 'number' ? { resolved_at: rfc3339(approval.resolved_at_unix_ms) } : {}),
  };
}

/** What was decided, merged into an answer: by whom, why, and for exactly what. */
export function decisionJson(approval: Approval, now: number) {
  const { approval_id, decision_scope, decision_reason, decided_by, request_sha256, grant_id } = approval;
  return {
    approval_id,
    state: stateOf(approval, now),
    decided_by: decided_by ?? null,
    decision_reason: decision_reason ?? null,
    decision_scope: decision_scope ?? null,
    grant_id: grant_id ?? null,
    request_sha256,
  };
}

/** The steps of the gate, as programs read them. */
export function stepsJson({ posture, policy, call }: GateDecision) {
  return {
    posture: posture ?? null,
    policy: answerOf(policy),
    payload_sha256: call.payloadSha256,
    request_sha256: call.requestSha256,
    policy_hash: call.policyHash,
  };
}

/** The steps of the gate in words, one a line. */
export function stepWords(decision: GateDecision): string[] {
  const { posture, policy } = decision;
  return [
    posture === undefined
      ? 'posture   no tool is named'
      : `posture   ${posture.state}: ${printable(posture.why)} (${posture.source})`,
    `policy    ${policy.decision}: ${policy.reasonCode}${policy.approvalRequired ? ', permitted once approved' : ''}`,
    ...(policy.matchedPolicies.length === 0
      ? []
      : [`          by ${policy.matchedPolicies.map((id) => printable(id)).join(', ')}`]),
    ...endWords(decision),
  ];
}

function endWords(decision: GateDecision): string[] {
  switch (decision.decision) {
    case 'allow':
      return [`allowed   by ${groundWords(decision.authority)}`];
    case 'ask':
      return [`asks      ${printable(decision.why)}`];
    case 'deny':
      return reasonWords(decision.reasons).map((words) => `denied    ${words}`);
  }
}

/** What lets a call run, for programs. A policy that denies may be lifted by a posture that somebody set. */
export function allowCode({ authority: { ground }, policy }: Allow): string {
  if (ground.kind !== 'policy') return `approval.${ground.kind}`;
  return policy.decision === 'allow' ? 'policy.allow' : 'posture.always_allow';
}

/** What lets a call run, in words. */
export function groundWords({ ground }: Authority): string {
  switch (ground.kind) {
    case 'policy':
      return 'posture and policy';
    case 'grant':
      return `grant ${shortId(ground.grant.grant_id)} of ${printable(ground.grant.granted_by)}`;
    case 'approval':
      return `approval ${shortId(ground.approval.approval_id)} of ${printable(ground.approval.decided_by ?? 'nobody')}`;
  }
}

export function reasonWords(reasons: readonly Reason[]): string[] {
  return reasons.map(({ code, words }) => `${code}: ${printable(words)}`);
}

/** `pending, expires in 6 min`, `denied by user:ops ("use a branch")`. */
export function standing(approval: Approval, now: number): string {
  if (stateOf(approval, now) !== 'pending') return decisionWords(approval, now);
  return `pending, expires ${relative(approval.expires_at_unix_ms, now)}`;
}

/** How an approval ends a command that waited for it. Each denial has a name of its own. */
export function outcomeOf(
  approval: Approval,
  now: number,
): { readonly exit: ExitName; readonly decision: 'allow' | 'ask' | 'deny'; readonly code: string } {
  switch (stateOf(approval, now)) {
    case 'pending':
      return { exit: 'pending', decision: 'ask', code: 'approval.required' };
    case 'allowed':
    case 'used':
      return { exit: 'ok', decision: 'allow', code: 'approval.allowed' };
    case 'lapsed':
      return { exit: 'deny', decision: 'deny', code: 'approval.lapsed' };
    case 'denied':
      return { exit: 'deny', decision: 'deny', code: 'approval.denied' };
    case 'timed_out':
      return { exit: 'deny', decision: 'deny', code: 'approval.timed_out' };
    case 'failed':
      return { exit: 'deny', decision: 'deny', code: 'approval.error' };
  }
}
