import type { CedarAnswer } from './engine.ts';
import type { GateContext } from './evaluator.ts';
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

/** The policies in force, ready to be asked. Ids in answers are the policies' names. */
export interface Evaluator {
  evaluate(context: GateContext): CedarAnswer;
  /** the same request, were sensitive tools allowed; `denied` is what `evaluate` has just answered to it */
  evaluateApproved(context: GateContext, denied: CedarAnswer): CedarAnswer;
  /** the effect of a policy by its id */
  effectOf(policy: string): 'permit' | 'forbid' | undefined;
}

/** A request and its facts as policies see them. */
export function gateContext(request: NormalizedRequest, facts: PolicyFacts, allowSensitiveTools: boolean): GateContext {
  return {
    action: request.action,
    resource: request.resource,
    principal: request.principal,
    device_id: request.deviceId,
    channel: request.channel,
    session_id: request.sessionId,
    run_id: request.runId,
    // the tool that would run, wherever it is named: a policy on tool_name cannot be stepped around by leaving it out
    tool_name: request.tool,
    skill_id: request.skill,
    capabilities: request.capabilities,
    is_sensitive_action: facts.is_sensitive_action,
    is_allowlisted_tool: facts.is_allowlisted_tool,
    is_allowlisted_skill: facts.is_allowlisted_skill,
    is_tool_execute_principal_allowed: facts.is_tool_execute_principal_allowed,
    is_tool_execute_channel_allowed: facts.is_tool_execute_channel_allowed,
    allow_sensitive_tools: allowSensitiveTools,
  };
}

/** Decide one request. Deny unless Cedar clearly allows. */
export function decide(
  { request, facts }: { readonly request: NormalizedRequest; readonly facts: PolicyFacts },
  config: EvaluationConfig,
  evaluator: Evaluator,
): PolicyDecision {
  const context = gateContext(request, facts, config.allowSensitiveTools);
  const answer = evaluator.evaluate(context);
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
    reasonCode: reasonOf(context, answer),
    approvalRequired:
      !config.allowSensitiveTools && settle(evaluator.evaluateApproved(context, answer), evaluator) === 'allow',
    matchedPolicies: matchedOf(answer),
    missingGrants: missingGrants(context),
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

function reasonOf(context: GateContext, answer: CedarAnswer): ReasonCode {
  if (answer.kind === 'failure' || answer.errors.length > 0) return 'policy.deny.evaluation_error';
  if (!context.is_tool_execute_principal_allowed) return 'tool.execute.principal_not_allowlisted';
  if (!context.is_tool_execute_channel_allowed) return 'tool.execute.channel_not_allowlisted';
  if (context.is_sensitive_action && !context.allow_sensitive_tools) return 'policy.explicit_approval_required';
  if (context.action === 'tool.execute' && !context.is_allowlisted_tool) return 'tool.execute.tool_not_allowlisted';
  if (context.action === 'skill.execute' && !context.is_allowlisted_skill) return 'skill.execute.skill_not_allowlisted';
  return 'policy.baseline_deny';
}

function missingGrants(context: GateContext): MissingGrant[] {
  const missing: MissingGrant[] = [];
  if (context.is_sensitive_action && !context.allow_sensitive_tools) missing.push('request_explicit_approval');
  if (context.action === 'tool.execute' && !context.is_allowlisted_tool) missing.push('grant_tool_allowlist');
  if (context.action === 'skill.execute' && !context.is_allowlisted_skill) missing.push('enable_or_allowlist_skill');
  if (!context.is_tool_execute_principal_allowed) missing.push('add_principal_to_tool_execute_allowlist');
  if (!context.is_tool_execute_channel_allowed) missing.push('add_channel_to_tool_execute_allowlist');
  return missing.length === 0 ? ['review_action_resource_scope'] : missing;
}

function matchedOf(answer: CedarAnswer): readonly string[] {
  return answer.kind === 'answer' ? answer.reason : [];
}

function errorsOf(answer: CedarAnswer): readonly PolicyError[] {
  if (answer.kind === 'failure') return answer.messages.map((message) => ({ message }));
  return answer.errors.map(({ policyId, message }) => ({ policy_id: policyId, message }));
}
