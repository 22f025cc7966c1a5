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

function look(body: unknown, found: Found): void {
  // not recursive: a chain of `||` is as deep as it is long
  const open = [body];
  for (let expression = open.pop(); expression !== undefined; expression = open.pop()) {
    for (const [operator, operands] of Object.entries(Object(expression))) {
      if (COMPARING.has(operator)) {
        const { left, right, pattern, in: within } = Object(operands);
        add(found, partsIn([left, right]), [...textsIn([left, right, within]), ...matching(pattern)]);
      }
      if (typeof operands === 'object' && operands !== null) open.push(operands);
    }
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
