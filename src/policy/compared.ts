import type { PolicyJson } from './engine.ts';

/** What a policy compares: `principal`, `action`, `resource` (ids of entities), or an attribute of the context. */
export type ComparedTexts = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The texts that a policy compares each part of a request with, in its scope and its conditions. What an entity and the
 * context call by one name is one thing in the gate: `action == Action::"a"` and `context.action == "a"`.
 * Source: docs.cedarpolicy.com/policies/json-format.html
 */
export function comparedTexts(policy: PolicyJson): ComparedTexts {
  const found = new Map<string, Set<string>>();
  for (const name of SCOPE) add(found, [name], textsIn(policy[name]));
  for (const { body } of policy.conditions) look(body, found);
  return found;
}

type Found = Map<string, Set<string>>;

function look(expression: unknown, found: Found): void {
  if (typeof expression !== 'object' || expression === null) return;
  for (const [operator, operands] of Object.entries(expression)) {
    if (COMPARING.has(operator)) {
      const { left, right, pattern, in: within } = operands as Record<string, unknown>;
      add(found, partsIn([left, right]), [...textsIn([left, right, within]), ...matching(pattern)]);
    }
    look(operands, found);
  }
}

function add(found: Found, parts: readonly string[], texts: readonly string[]): void {
  for (const part of parts) {
    const known = found.get(part) ?? new Set();
    for (const text of texts) known.add(text);
    found.set(part, known);
  }
}

/** The parts of a request that stand there as they are, in a list too. */
function partsIn(operands: readonly unknown[]): string[] {
  return operands.flatMap((operand) => {
    const { Var: variable, '.': access, Set: items } = Object(operand);
    if (typeof variable === 'string') return [variable];
    if (access?.left?.Var === 'context') return [String(access.attr)];
    return Array.isArray(items) ? partsIn(items) : [];
  });
}

/** The texts and entity ids that stand there as they are, in a list too. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  const { Value: literal, Set: items, __entity: entity, entities, in: within, id, ...rest } = Object(value);
  const inner = [literal, items, entity, entities, within, rest.entity].filter((each) => typeof each === 'object');
  return [literal, id].filter((each) => typeof each === 'string').concat(inner.flatMap(textsIn));
}

/** A text that a `like` matches. */
function matching(pattern: unknown): string[] {
  return Array.isArray(pattern) ? [pattern.map((piece) => Object(piece).Literal ?? '').join('')] : [];
}

const SCOPE = ['principal', 'action', 'resource'] as const;
const COMPARING: ReadonlySet<string> = new Set([
  ...['==', '!=', 'in', 'like', 'is'],
  ...['contains', 'containsAll', 'containsAny'],
]);
