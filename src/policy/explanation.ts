import { requiresApproval } from './catalog.ts';
import { type Evaluator, gateContext, type MissingGrant, type PolicyDecision, settle } from './decision.ts';
import type { Cedar, PolicyJson } from './engine.ts';
import { type EvaluationConfig, establishFacts } from './facts.ts';
import { asciiLower } from './request.ts';
import type { NamedPolicy } from './source.ts';

/** One condition of a policy. `holds` is Cedar's own answer; null: not reached, for an earlier one is false. */
export interface Clause {
  /** the condition as Cedar writes it; `not (…)` for one of an `unless` */
  readonly text: string;
  /** the context attribute, when the condition is nothing but one */
  readonly attribute?: string;
  readonly holds: boolean | null;
  readonly error?: string;
}

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
  const probed = parts.candidates
    .filter((policy) => effect === undefined || policy.effect === effect)
    .slice(0, CANDIDATES)
    .flatMap((policy, index) => cutIntoProbes(parts.cedar, policy, `${index}`));
  const probes = Object.fromEntries(probed.flatMap(({ probes: own }) => own.map(({ id, json }) => [id, json])));
  if (!parts.cedar.prepare('explanation', { staticPolicies: probes }).ok) return [];
  const answer = parts.cedar.decide('explanation', parts.cedarCall);
  if (answer.kind === 'failure') return [];
  const holding = new Set(answer.reason);
  const failing = new Map(answer.errors.map(({ policyId, message }) => [policyId, message]));
  return probed
    .filter(({ head }) => holding.has(head))
    .map(({ policy, probes: own }) => ({
      policy: policy.id,
      effect: policy.effect,
      file: policy.file,
      line: policy.line,
      clauses: readClauses(own.slice(1), holding, failing),
    }))
    .filter(({ clauses }) => clauses.some(({ holds }) => holds !== true))
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
    const changed = subset.reduce((current, grant) => withGrant(current, grant, decision), config);
    const facts = establishFacts(decision.request, changed);
    const answer = evaluator.evaluate(gateContext(decision.request, facts, changed.allowSensitiveTools));
    if (settle(answer, evaluator) === 'allow') return subset;
  }
  return [];
}

interface Probe {
  readonly id: string;
  readonly json: PolicyJson;
  readonly text: string;
  readonly attribute?: string;
}
interface Probed {
  readonly policy: NamedPolicy;
  readonly head: string;
  readonly probes: readonly Probe[];
}

function cutIntoProbes(cedar: Cedar, policy: NamedPolicy, prefix: string): Probed[] {
  const parsed = cedar.policyJson(policy.text);
  if (!parsed.ok) return [];
  const { principal, action, resource, conditions } = parsed.value;
  const head = {
    id: `${prefix}/head`,
    json: { effect: 'permit', principal, action, resource, conditions: [] } as PolicyJson,
    text: '',
  };
  const cuts = conditions.flatMap(({ kind, body }) =>
    operands(body, kind === 'when' ? '&&' : '||').map((part) => ({ kind, part })),
  );
  const probes = cuts.map(({ kind, part }, index): Probe => {
    const json: PolicyJson = { effect: 'permit', ...ANY, conditions: [{ kind, body: part }] };
    const attribute = contextAttribute(part);
    return {
      id: `${prefix}/${index}`,
      json,
      text: textOf(cedar, json, kind),
      ...(attribute === undefined ? {} : { attribute }),
    };
  });
  return [{ policy, head: head.id, probes: [head, ...probes] }];
}

type Expression = PolicyJson['conditions'][number]['body'];

/** `a && b && c` → a, b, c, in the order in which Cedar evaluates them. */
function operands(body: Expression, operator: '&&' | '||'): Expression[] {
  const found: Expression[] = [];
  const open = [body];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const pair = (next as Record<string, { left: Expression; right: Expression }>)[operator];
    if (pair === undefined) found.push(next);
    else open.push(pair.right, pair.left);
  }
  return found;
}

function contextAttribute(part: Expression): string | undefined {
  const access = (part as { '.'?: { left?: { Var?: string }; attr?: string } })['.'];
  return access?.left?.Var === 'context' ? access.attr : undefined;
}

function textOf(cedar: Cedar, json: PolicyJson, kind: 'when' | 'unless'): string {
  const written = cedar.policyText({
    ...json,
    conditions: json.conditions.map(({ body }) => ({ kind: 'when', body })),
  });
  const text = written.ok ? (/when \{([\s\S]*)\};?\s*$/.exec(written.value)?.[1]?.trim() ?? '?') : '?';
  return kind === 'when' ? text : `not (${text})`;
}

function readClauses(
  probes: readonly Probe[],
  holding: ReadonlySet<string>,
  failing: ReadonlyMap<string, string>,
): Clause[] {
  let reached = true;
  return probes.map(({ id, text, attribute }) => {
    const clause = { text, ...(attribute === undefined ? {} : { attribute }) };
    const error = failing.get(id);
    // a later condition may rely on an earlier one (`context has x && context.x …`): its error alone says nothing
    if (error !== undefined && !reached) return { ...clause, holds: null };
    const holds = holding.has(id);
    if (!holds) reached = false;
    return error === undefined ? { ...clause, holds } : { ...clause, holds, error };
  });
}

const ANY = { principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } } as const;

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
