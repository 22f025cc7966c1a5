import type { Cedar, CedarAnswer, PolicyJson } from './engine.ts';
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

/** A policy of one condition or none, which holds where its piece of the original does. */
interface Probe {
  readonly id: string;
  readonly json: PolicyJson;
}

interface ClauseProbe extends Probe, Pick<Clause, 'text' | 'attribute'> {}

/** A policy cut into pieces that Cedar answers for one by one. */
export interface Probed {
  readonly policy: NamedPolicy;
  readonly head: Probe;
  /** one a condition, in the order in which Cedar evaluates them */
  readonly clauses: readonly ClauseProbe[];
  /** all of it, as a permit */
  readonly whole: Probe;
}

/** Cut a policy into its head and each operand of its conditions. */
export function cutIntoProbes(cedar: Cedar, policy: NamedPolicy, prefix: string): Probed[] {
  const parsed = cedar.policyJson(policy.text);
  if (!parsed.ok) return [];
  const { principal, action, resource, conditions } = parsed.value;
  const scope = { effect: 'permit', principal, action, resource } as const;
  const cuts = conditions.flatMap(({ kind, body }) =>
    operands(body, kind === 'when' ? '&&' : '||').map((part) => ({ kind, part })),
  );
  const clauses = cuts.map(({ kind, part }, index): ClauseProbe => {
    const json: PolicyJson = { effect: 'permit', ...ANY, conditions: [{ kind, body: part }] };
    const attribute = contextAttribute(part);
    return {
      id: `${prefix}/${index}`,
      json,
      text: textOf(cedar, json, kind),
      ...(attribute === undefined ? {} : { attribute }),
    };
  });
  return [
    {
      policy,
      head: { id: `${prefix}/head`, json: { ...scope, conditions: [] } },
      clauses,
      whole: { id: `${prefix}/whole`, json: { ...scope, conditions } },
    },
  ];
}

/** The policies to hand to Cedar, by the ids of the probes. */
export function probeSet(probed: readonly Probed[]): Record<string, PolicyJson> {
  return Object.fromEntries(
    probed.flatMap(({ head, clauses, whole }) => [head, ...clauses, whole].map(({ id, json }) => [id, json])),
  );
}

/** How far a policy matches a request. */
export interface Reading {
  readonly policy: NamedPolicy;
  readonly headHolds: boolean;
  readonly clauses: readonly Clause[];
  /** head and conditions: the policy takes part in the decision */
  readonly holds: boolean;
}

/** What Cedar said of each policy that was cut. */
export function readProbes(probed: readonly Probed[], answer: Extract<CedarAnswer, { kind: 'answer' }>): Reading[] {
  const holding = new Set(answer.reason);
  const failing = new Map(answer.errors.map(({ policyId, message }) => [policyId, message]));
  return probed.map(({ policy, head, clauses, whole }) => ({
    policy,
    headHolds: holding.has(head.id),
    clauses: readClauses(clauses, holding, failing),
    holds: holding.has(whole.id),
  }));
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
  clauses: Probed['clauses'],
  holding: ReadonlySet<string>,
  failing: ReadonlyMap<string, string>,
): Clause[] {
  let reached = true;
  return clauses.map(({ id, text, attribute }) => {
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
