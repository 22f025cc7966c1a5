import { requiresApproval } from './catalog.ts';
import { type Evaluator, gateContext, type MissingGrant, type PolicyDecision, settle } from './decision.ts';
import type { Cedar } from './engine.ts';
import { type EvaluationConfig, establishFacts } from './facts.ts';
import { type Clause, openProbes } from './probes.ts';
import { asciiLower } from './request.ts';
import type { NamedPolicy } from './source.ts';

/** A policy whose head matches the request, and how far its conditions do. */
export interface NearMiss {
  readonly policy: string;
  readonly effect: 'permit' | 'forbid';
  readonly file: string;
  readonly line: number;
  readonly clauses: readonly Clause[];
}

/** The smallest set of grants after which the same request is allowed; empty when no grant would do. */
export type SmallestChange = readonly MissingGrant[];

/** What explains a decision: its circumstances, and the policies that its request could meet. */
export interface ExplanationParts {
  readonly cedar: Cedar;
  readonly evaluator: Evaluator;
  readonly config: EvaluationConfig;
  /** the call as Cedar gets it, for probing single conditions */
  readonly cedarCall: Parameters<Cedar['decide']>[1];
  readonly candidates: readonly NamedPolicy[];
}

/** At most so many policies are probed; an explanation of more helps nobody. */
const CANDIDATES = 200;

/**
 * Every policy whose head matches and whose conditions do not all hold, closest first. Each truth value is Cedar's: the
 * policy's JSON form is cut into one probe policy a condition, and all probes are evaluated in one call, so that the
 * explanation cannot disagree with the decision.
 */
export function findNearMisses(
  parts: Pick<ExplanationParts, 'cedar' | 'cedarCall' | 'candidates'>,
  effect?: 'permit' | 'forbid',
): NearMiss[] {
  const candidates = parts.candidates
    .filter((policy) => effect === undefined || policy.effect === effect)
    .slice(0, CANDIDATES);
  return openProbes(parts.cedar, 'explanation', candidates)
    .read(parts.cedarCall)
    .filter((reading) => reading !== undefined)
    .filter(({ headHolds, holds }) => headHolds && !holds)
    .map(({ policy, clauses }) => ({
      policy: policy.id,
      effect: policy.effect,
      file: policy.file,
      line: policy.line,
      clauses,
    }))
    .sort((a, b) => closeness(b) - closeness(a));
}

/** The share of the conditions that hold. */
function closeness({ clauses }: NearMiss): number {
  return clauses.filter(({ holds }) => holds === true).length / Math.max(1, clauses.length);
}

/** The smallest set of grants that turns this deny into an allow, found by deciding the same request again. */
export function findSmallestChange(
  decision: PolicyDecision,
  { evaluator, config }: Pick<ExplanationParts, 'evaluator' | 'config'>,
): SmallestChange {
  const grants = grantsFor(decision, config);
  for (const subset of bySize(grants)) {
    const changed = changedConfig(config, subset, decision);
    const facts = establishFacts(decision.request, changed);
    const answer = evaluator.evaluate(gateContext(decision.request, facts, changed.allowSensitiveTools));
    if (settle(answer, evaluator) === 'allow') return subset;
  }
  return [];
}

/** The configuration once all of these grants are made. */
export function changedConfig(
  config: EvaluationConfig,
  grants: readonly MissingGrant[],
  decision: PolicyDecision,
): EvaluationConfig {
  return grants.reduce((current, grant) => withGrant(current, grant, decision), config);
}

function grantsFor({ request, facts }: PolicyDecision, config: EvaluationConfig): MissingGrant[] {
  const grants: MissingGrant[] = [];
  if (request.action === 'tool.execute' && request.tool !== '' && !facts.is_allowlisted_tool)
    grants.push('grant_tool_allowlist');
  if (request.action === 'skill.execute' && request.skill !== '' && !facts.is_allowlisted_skill)
    grants.push('enable_or_allowlist_skill');
  if (!facts.is_tool_execute_principal_allowed) grants.push('add_principal_to_tool_execute_allowlist');
  if (!facts.is_tool_execute_channel_allowed && request.channel !== '')
    grants.push('add_channel_to_tool_execute_allowlist');
  if (!config.allowSensitiveTools) grants.push('request_explicit_approval');
  return grants;
}

/** All non-empty subsets, smaller ones first, in the order of the grants. At most five grants: 31 subsets. */
function bySize<T>(items: readonly T[]): T[][] {
  const subsets = Array.from({ length: 2 ** items.length - 1 }, (_, n) =>
    items.filter((_, bit) => ((n + 1) >> bit) & 1),
  );
  return subsets.sort((a, b) => a.length - b.length);
}

function withGrant(config: EvaluationConfig, grant: MissingGrant, { request }: PolicyDecision): EvaluationConfig {
  switch (grant) {
    case 'grant_tool_allowlist':
      return {
        ...config,
        allowlistedTools: new Set([...config.allowlistedTools, request.tool]),
        sensitiveToolNames: new Set([
          ...config.sensitiveToolNames,
          ...(config.usesCatalog && requiresApproval(request.tool) ? [request.tool] : []),
        ]),
      };
    case 'enable_or_allowlist_skill':
      return { ...config, allowlistedSkills: new Set([...config.allowlistedSkills, request.skill]) };
    case 'add_principal_to_tool_execute_allowlist':
      return { ...config, principalGate: new Set([asciiLower(request.principal)]) };
    case 'add_channel_to_tool_execute_allowlist':
      return { ...config, channelGate: new Set([asciiLower(request.channel)]) };
    case 'request_explicit_approval':
      return { ...config, allowSensitiveTools: true };
    case 'review_action_resource_scope':
      return config;
  }
}
