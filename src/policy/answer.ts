import type { PolicyDecision } from './decision.ts';

export const CHECK_SCHEMA = 'palyra.policy.check/1';

/** A decision as programs read it. */
export function answerOf(decision: PolicyDecision, id?: string | number) {
  return {
    schema: CHECK_SCHEMA,
    ...(id === undefined ? {} : { id }),
    decision: decision.decision,
    reason_code: decision.reasonCode,
    approval_required: decision.approvalRequired,
    matched_policies: decision.matchedPolicies,
    missing_grants: decision.missingGrants,
    facts: decision.facts,
    requested_tool: decision.request.tool === '' ? null : decision.request.tool,
    requested_skill: decision.request.skill === '' ? null : decision.request.skill,
    request_capabilities: decision.request.capabilities,
    errors: decision.errors,
  };
}
