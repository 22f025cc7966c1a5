import type { Cedar, CedarAnswer, CedarCall, PolicyJson } from './engine.ts';
import type { NamedPolicy } from './source.ts';

/** One condition of a policy. `holds` is Cedar's own answer; null: not reached, for an earlier one is false, or (with an error) not asked. */
export interface Clause {
  /** the condition as Cedar writes it; `not (…)` for one of an `unless`; `…` for one that is nested too deep */
  readonly text: string;
  /** the context attribute, when the condition is nothing but one */
  readonly attribute?: string;
  readonly holds: boolean | null;
  readonly error?: string;
}

/** A policy of one condition or none, which holds where its piece of the original does. */
interface Probe {
  readonly id: string;
  /** as text where it is nested deeper than Cedar reads JSON */
  readonly policy: PolicyJson | string;
}

interface ClauseProbe extends Pick<Clause, 'text' | 'attribute'> {
  readonly id: string;
  /** undefined: nested too deep, and no text of its own */
  readonly policy: PolicyJson | undefined;
}

/** A policy cut into pieces that Cedar answers for one by one. */
export interface Probed {
  readonly policy: NamedPolicy;
  readonly head: Probe;
  /** one a condition, in the order in which Cedar evaluates them */
  readonly clauses: readonly ClauseProbe[];
  /** all of it, as a permit */
  readonly whole: Probe;
}

/** Policies cut into pieces, ready to be asked. */
export interface Probes {
  readonly probed: readonly Probed[];
  /** how far each matches, in the same order; undefined for one that Cedar cannot evaluate, or for all if it answers nothing */
  readonly read: (call: CedarCall) => readonly (Reading | undefined)[];
}

/**
 * Cut policies into pieces and prepare them all at once. One that is nested so deep that Cedar stops at it is left out,
 * and takes no other with it.
 */
export function openProbes(cedar: Cedar, slot: string, policies: readonly NamedPolicy[]): Probes {
  const probed = policies.flatMap((policy, index) => cutIntoProbes(cedar, policy, `${index}`));
  let asked = new Set(probed);
  let isPrepared = cedar.prepare(slot, { staticPolicies: probeSet(probed) }).ok;
  const ask = (call: CedarCall): CedarAnswer | undefined => (isPrepared ? cedar.decide(slot, call) : undefined);
  return {
    probed,
    read(call) {
      let answer = ask(call);
      if (answer?.kind !== 'answer' && [...asked].some(isDeep)) {
        asked = new Set(probed.filter((one) => !isDeep(one)));
        isPrepared = cedar.prepare(slot, { staticPolicies: probeSet([...asked]) }).ok;
        answer = ask(call);
      }
      if (answer?.kind !== 'answer') return probed.map(() => undefined);
      const readings = new Map(readProbes([...asked], answer).map((reading) => [reading.policy, reading]));
      return probed.map(({ policy }) => readings.get(policy));
    },
  };
}

/** Cut a policy into its head and each operand of its conditions. */
function cutIntoProbes(cedar: Cedar, policy: NamedPolicy, prefix: string): Probed[] {
  const parsed = cedar.policyJson(policy.text);
  if (!parsed.ok) return [];
  const { principal, action, resource, conditions } = parsed.value;
  const scope = { effect: 'permit', principal, action, resource } as const;
  const cuts = conditions.flatMap(({ kind, body }) =>
    operands(body, kind === 'when' ? '&&' : '||').map((part) => ({ kind, part })),
  );
  const clauses = cuts.map(({ kind, part }, index): ClauseProbe => {
    const json: PolicyJson = { effect: 'permit', ...ANY, conditions: [{ kind, body: part }] };
    const id = `${prefix}/${index}`;
    if (isDeeper(json, DEPTH)) return { id, policy: undefined, text: '…' };
    const attribute = contextAttribute(part);
    return {
      id,
      policy: json,
      text: textOf(cedar, json, kind),
      ...(attribute === undefined ? {} : { attribute }),
    };
  });
  const whole: PolicyJson = { ...scope, conditions };
  return [
    {
      policy,
      head: { id: `${prefix}/head`, policy: { ...scope, conditions: [] } },
      clauses,
      whole: { id: `${prefix}/whole`, policy: isDeeper(whole, DEPTH) ? permitting(policy.text) : whole },
    },
  ];
}

// of the 100 levels that a set of policies may have, some are around a policy
const DEPTH = 95;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function isDeep({ whole }: Probed): boolean {
  return typeof whole.policy === 'string';
}

/** The text of a policy with its effect turned: annotations and comments come before it. */
function permitting(text: string): string {
  return text.replace(/^((?:\s|\/\/[^\n\r]*|@\s*\w+|\(\s*"(?:[^"\\]|\\.)*"\s*\))*)forbid/s, '$1permit');
}

/** The policies to hand to Cedar, by the ids of the probes. */
function probeSet(probed: readonly Probed[]): Record<string, PolicyJson | string> {
  return Object.fromEntries(
    probed.flatMap(({ head, clauses, whole }) =>
      [head, ...clauses, whole].flatMap(({ id, policy }) => (policy === undefined ? [] : [[id, policy]])),
    ),
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
function readProbes(probed: readonly Probed[], answer: Extract<CedarAnswer, { kind: 'answer' }>): Reading[] {
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
  return clauses.map(({ id, policy, text, attribute }) => {
    if (policy === undefined) return { text, holds: null, error: 'nested too deep to be asked about by itself' };
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
