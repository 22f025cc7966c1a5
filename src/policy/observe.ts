import type { PolicyJson } from './engine.ts';

/**
 * What the evaluation of a policy can depend on: two requests that agree on it get the same answer from the policy,
 * and the same error. Of what is not understood it is said that everything is observed.
 */
export interface Observed {
  readonly principal: boolean;
  readonly action: boolean;
  readonly resource: boolean;
  /** attributes of the context itself, what lies deeper included; that one is absent is observed like a value */
  readonly context: ReadonlySet<string> | 'every attribute';
  /**
   * Attributes or tags of entities. That `in` looks at their parents is not told here: whoever leaves entities out
   * because of this must know that they have no parents.
   */
  readonly entities: boolean;
}

export const EVERYTHING: Observed = {
  principal: true,
  action: true,
  resource: true,
  context: 'every attribute',
  entities: true,
};

/**
 * What a policy observes, read from its JSON form: all of it, whether or not evaluation would get that far.
 * Source: docs.cedarpolicy.com/policies/json-format.html
 */
export function observe(policy: PolicyJson): Observed {
  const seen: Seen = { variables: new Set(), context: new Set(), entities: false, everything: false, depth: 0 };
  // a scope compares its variable and reads no attribute; so does a slot (?principal, ?resource), which is in the scope
  for (const variable of SCOPE) if (policy[variable].op !== 'All') seen.variables.add(variable);
  for (const { body } of policy.conditions) look(body, seen);
  if (seen.everything) return EVERYTHING;
  return {
    principal: seen.variables.has('principal'),
    action: seen.variables.has('action'),
    resource: seen.variables.has('resource'),
    context: seen.context,
    entities: seen.entities,
  };
}

/** What several policies observe together. */
export function observeAll(policies: readonly Observed[]): Observed {
  const context = new Set<string>();
  for (const observed of policies) {
    if (observed.context === 'every attribute') return EVERYTHING;
    for (const attribute of observed.context) context.add(attribute);
  }
  return {
    principal: policies.some((observed) => observed.principal),
    action: policies.some((observed) => observed.action),
    resource: policies.some((observed) => observed.resource),
    context,
    entities: policies.some((observed) => observed.entities),
  };
}

interface Seen {
  readonly variables: Set<string>;
  readonly context: Set<string>;
  entities: boolean;
  everything: boolean;
  depth: number;
}

// a chain of `||` is as deep as it is long, and the stack is not
const DEPTH = 500;

/** An expression is a record of one member, the operator: `{"==": {"left": …, "right": …}}`. */
function look(expression: unknown, seen: Seen): void {
  const [[operator, operands] = [], ...others] = isRecord(expression) ? Object.entries(expression) : [];
  if (operator === undefined || others.length > 0 || seen.depth === DEPTH) {
    seen.everything = true;
    return;
  }
  seen.depth++;
  if (operator === 'Var') lookAtVariable(operands, seen);
  else if (operator === '.' || operator === 'has') lookAtAttribute(operands, seen);
  else if (operator !== 'Value') lookInside(operator, operands, seen);
  seen.depth--;
}

function lookAtVariable(name: unknown, seen: Seen): void {
  // the context as a value: compared, put into a set, handed to an operator
  if (typeof name !== 'string' || name === 'context') seen.everything = true;
  else seen.variables.add(name);
}

/** `context.a` observes `a`; beyond that, what has the attribute may be an entity, in the context too. */
function lookAtAttribute(operands: unknown, seen: Seen): void {
  const { left, attr } = isRecord(operands) ? operands : {};
  const path: unknown[] = Array.isArray(attr) ? attr : [attr];
  const [attribute] = path;
  if (!isContext(left) || typeof attribute !== 'string') {
    seen.entities = true;
    look(left, seen);
    return;
  }
  seen.context.add(attribute);
  // `context has a.b.c`
  if (path.length > 1) seen.entities = true;
}

function lookInside(operator: string, operands: unknown, seen: Seen): void {
  if (operator === 'getTag' || operator === 'hasTag') seen.entities = true;
  const fields = OPERANDS.get(operator);
  if (typeof operands !== 'object' || operands === null || (fields === undefined && !COLLECTIONS.has(operator))) {
    seen.everything = true;
    return;
  }
  for (const [field, operand] of Object.entries(operands)) {
    if (fields === undefined || fields.includes(field)) look(operand, seen);
    else if (!CONSTANTS.includes(field)) seen.everything = true;
  }
}

function isContext(expression: unknown): boolean {
  return isRecord(expression) && expression.Var === 'context';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const SCOPE = ['principal', 'action', 'resource'] as const;
const BINARY = ['left', 'right'];
const UNARY = ['arg'];
/** fields that hold no expression */
const CONSTANTS = ['entity_type', 'pattern'];

/** Operators that take a list of expressions, or a record of them; `unknown` is missing on purpose. */
const COLLECTIONS: ReadonlySet<string> = new Set([
  ...['Set', 'Record'],
  ...['decimal', 'lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
  ...['ip', 'isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange'],
  ...['datetime', 'offset', 'durationSince', 'toDate', 'toTime'],
  ...['duration', 'toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'],
]);

/** The fields of the other operators that hold expressions. */
const OPERANDS: ReadonlyMap<string, readonly string[]> = new Map([
  ...['!', 'neg', 'isEmpty'].map((operator) => [operator, UNARY] as const),
  ...['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '&&', '||', 'in'].map((operator) => [operator, BINARY] as const),
  ...['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'].map((operator) => [operator, BINARY] as const),
  ['like', ['left']],
  ['is', ['left', 'in']],
  ['if-then-else', ['if', 'then', 'else']],
]);
