import type { CedarAnswer } from './engine.ts';
import type { EvaluationConfig, PolicyFacts } from './facts.ts';
import type { NormalizedRequest } from './request.ts';

export type ReasonCode =
  | 'policy.allow'
  | 'policy.deny.evaluation_error'
  | 'tool.execute.principal_not_allowlisted'
  | 'tool.execute.channel_not_allowlisted'
  | 'policy.explicit_approval_required'
  | 'tool.execute.tool_not_allowlisted'
  | 'skill.execute.skill_not_allowlisted'
  | 'policy.baseline_deny';

export type MissingGrant =
  | 'request_explicit_approval'
  | 'grant_tool_allowlist'
  | 'enable_or_allowlist_skill'
  | 'add_principal_to_tool_execute_allowlist'
  | 'add_channel_to_tool_execute_allowlist'
  | 'review_action_resource_scope';

/** Cedar's allow or deny for one request, and what it rests on. Holds the request it answers. */
export interface PolicyDecision {
  readonly request: NormalizedRequest;
  readonly facts: PolicyFacts;
  readonly decision: 'allow' | 'deny';
  readonly reasonCode: ReasonCode;
  /** an approval would turn this deny into an allow */
  readonly approvalRequired: boolean;
  /** names of the policies that decided, sorted */
  readonly matchedPolicies: readonly string[];
  readonly missingGrants: readonly MissingGrant[];
  readonly errors: readonly PolicyError[];
}

/** An evaluation error; without a policy when the engine itself failed. */
export interface PolicyError {
  readonly policy_id?: string;
  readonly message: string;
}

/** What a rule asks Cedar: one request with its facts, with or without sensitive tools allowed. */
export interface GateCall {
  readonly request: NormalizedRequest;
  readonly facts: PolicyFacts;
  readonly allowSensitiveTools: boolean;
}

/** The policies in force, ready to be asked. Ids in answers are the policies' names (`@id`). */
export interface Evaluator {
  evaluate(call: GateCall): CedarAnswer;
  /** the effect of a policy by its name */
  effectOf(policy: string): 'permit' | 'forbid' | undefined;
}

/** Decide one request. Deny unless Cedar clearly allows. */
export function decide(
  { request, facts }: { readonly request: NormalizedRequest; readonly facts: PolicyFacts },
  config: EvaluationConfig,
  evaluator: Evaluator,
): PolicyDecision {
  const call = { request, facts, allowSensitiveTools: config.allowSensitiveTools };
  const answer = evaluator.evaluate(call);
  const decision = settle(answer, evaluator);
  if (decision === 'allow') {
    return {
      request,
      facts,
      decision,
      reasonCode: 'policy.allow',
      approvalRequired: false,
      matchedPolicies: matchedOf(answer),
      missingGrants: [],
      errors: errorsOf(answer),
    };
  }
  return {
    request,
    facts,
    decision,
    reasonCode: reasonOf(call, answer),
    approvalRequired: !config.allowSensitiveTools && settle(evaluator.evaluate({ ...call, allowSensitiveTools: true }), evaluator) === 'allow',
    matchedPolicies: matchedOf(answer),
    missingGrants: missingGrants(call),
    errors: errorsOf(answer),
  };
}

/**
 * Cedar skips a policy whose evaluation fails; a forbid that is skipped would leave an allow standing. In the gate an
 * error in any forbid is a deny, and so is an engine that cannot answer.
 */
export function settle(answer: CedarAnswer, { effectOf }: Pick<Evaluator, 'effectOf'>): 'allow' | 'deny' {
  if (answer.kind === 'failure' || answer.decision === 'deny') return 'deny';
  return answer.errors.some(({ policyId }) => effectOf(policyId) !== 'permit') ? 'deny' : 'allow';
}

function reasonOf({ request, facts, allowSensitiveTools }: GateCall, answer: CedarAnswer): ReasonCode {
  if (answer.kind === 'failure' || answer.errors.length > 0) return 'policy.deny.evaluation_error';
  if (!facts.is_tool_execute_principal_allowed) return 'tool.execute.principal_not_allowlisted';
  if (!facts.is_tool_execute_channel_allowed) return 'tool.execute.channel_not_allowlisted';
  if (facts.is_sensitive_action && !allowSensitiveTools) return 'policy.explicit_approval_required';
  if (request.action === 'tool.execute' && !facts.is_allowlisted_tool) return 'tool.execute.tool_not_allowlisted';
  if (request.action === 'skill.execute' && !facts.is_allowlisted_skill) return 'skill.execute.skill_not_allowlisted';
  return 'policy.baseline_deny';
}

function missingGrants({ request, facts, allowSensitiveTools }: GateCall): MissingGrant[] {
  const missing: MissingGrant[] = [];
  if (facts.is_sensitive_action && !allowSensitiveTools) missing.push('request_explicit_approval');
  if (request.action === 'tool.execute' && !facts.is_allowlisted_tool) missing.push('grant_tool_allowlist');
  if (request.action === 'skill.execute' && !facts.is_allowlisted_skill) missing.push('enable_or_allowlist_skill');
  if (!facts.is_tool_execute_principal_allowed) missing.push('add_principal_to_tool_execute_allowlist');
  if (!facts.is_tool_execute_channel_allowed) missing.push('add_channel_to_tool_execute_allowlist');
  return missing.length === 0 ? ['review_action_resource_scope'] : missing;
}

function matchedOf(answer: CedarAnswer): readonly string[] {
  return answer.kind === 'answer' ? answer.reason : [];
}

function errorsOf(answer: CedarAnswer): readonly PolicyError[] {
  if (answer.kind === 'failure') return answer.messages.map((message) => ({ message }));
  return answer.errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
}
