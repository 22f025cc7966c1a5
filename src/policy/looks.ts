import type { PolicyJson } from './engine.ts';

/** A `like` pattern: its literal pieces, a wildcard between each two. */
export type Pattern = readonly string[];

/**
 * How policies look at the parts of a request: at `principal`, `action`, `resource` (the id of an entity and the text of
 * the context are one thing in the gate) and at the attributes of the context.
 */
export interface Looks {
  /** texts that a part is compared with for equality */
  readonly names: ReadonlyMap<string, ReadonlySet<string>>;
  /** what a part has to be like */
  readonly patterns: ReadonlyMap<string, readonly Pattern[]>;
  /** lists of texts that are compared as a whole */
  readonly lists: readonly (readonly string[])[];
  /** parts that are looked at in a way that is not understood; those of one policy may be compared with each other */
  readonly linked: readonly ReadonlySet<string>[];
  /** every text that stands in a policy */
  readonly texts: ReadonlySet<string>;
}

/**
 * Read how policies look at a request, from their JSON form. A text or pattern that cannot be told to be compared with
 * one part counts for every part of its policy that is looked at in a way not understood here.
 * Source: docs.cedarpolicy.com/policies/json-format.html
 */
export function readLooks(policies: readonly PolicyJson[]): Looks {
  const found: Found = { names: new Map(), patterns: new Map(), lists: [], linked: [], texts: new Set() };
  for (const policy of policies) {
    for (const variable of VARIABLES) for (const text of textsIn(policy[variable])) addName(found, variable, text);
    const loose: Loose = { parts: new Set(), texts: new Set(), patterns: [] };
    for (const { body } of policy.conditions) look(body, found, loose);
    for (const part of loose.parts) {
      for (const text of loose.texts) addName(found, part, text);
      for (const pattern of loose.patterns) addPattern(found, part, pattern);
    }
    if (loose.parts.size > 0) found.linked.push(loose.parts);
    for (const text of loose.texts) found.texts.add(text);
  }
  return found;
}

/** Texts that a pattern matches: nothing where the wildcards are, a letter, and each of the fillings. */
export function matchingTexts(pattern: Pattern, fillings: readonly string[]): string[] {
  return ['', 'x', ...fillings].map((filling) => pattern.join(filling));
}

interface Found {
  readonly names: Map<string, Set<string>>;
  readonly patterns: Map<string, Pattern[]>;
  readonly lists: string[][];
  readonly linked: ReadonlySet<string>[];
  readonly texts: Set<string>;
}

/** Of one policy, what is not told to belong together. */
interface Loose {
  readonly parts: Set<string>;
  readonly texts: Set<string>;
  readonly patterns: Pattern[];
}

function look(body: unknown, found: Found, loose: Loose): void {
  // not recursive: a chain of `||` is as deep as it is long
  const open = [body];
  for (let expression = open.pop(); expression !== undefined; expression = open.pop()) {
    const [[operator, operands] = ['', undefined]] = Object.entries(Object(expression));
    const part = partOf(expression);
    if (part !== undefined) loose.parts.add(part);
    else if (operator === 'Value') for (const text of textsIn(expression)) loose.texts.add(text);
    else if (operator === 'like') lookLike(operands, found, loose, open);
    else if (!lookExactly(operator, operands, found) && typeof operands === 'object' && operands !== null) {
      open.push(...Object.values(operands));
    }
  }
}

function lookLike(operands: unknown, found: Found, loose: Loose, open: unknown[]): void {
  const { left, pattern } = Object(operands);
  const pieces = piecesOf(pattern);
  for (const piece of pieces) found.texts.add(piece);
  const part = partOf(left);
  if (part !== undefined) addPattern(found, part, pieces);
  else {
    loose.patterns.push(pieces);
    open.push(left);
  }
}

/** A part that is compared with nothing but texts or entities that stand there as they are. */
function lookExactly(operator: string, operands: unknown, found: Found): boolean {
  const { left, right, in: within, attr } = Object(operands);
  if (operator === 'has') return Object(left).Var === 'context' && typeof attr === 'string';
  if (operator === 'is') {
    const part = partOf(left);
    return part !== undefined && (within === undefined || addLiterals(found, part, within));
  }
  if (!COMPARING.has(operator)) return false;
  const [a, b] = [partOf(left), partOf(right)];
  if (a !== undefined) return b === undefined && addLiterals(found, a, right);
  return b !== undefined && addLiterals(found, b, left);
}

/** @returns false when there is more than literals */
function addLiterals(found: Found, part: string, operand: unknown): boolean {
  if (!isLiteral(operand)) return false;
  const texts = textsIn(operand);
  for (const text of texts) addName(found, part, text);
  if ('Set' in Object(operand)) found.lists.push(texts);
  return true;
}

function isLiteral(operand: unknown): boolean {
  const { Set: items } = Object(operand);
  return Array.isArray(items) ? items.every(isLiteral) : 'Value' in Object(operand);
}

function addName(found: Found, part: string, text: string): void {
  const known = found.names.get(part) ?? new Set();
  found.names.set(part, known.add(text));
  found.texts.add(text);
}

function addPattern(found: Found, part: string, pattern: Pattern): void {
  found.patterns.set(part, [...(found.patterns.get(part) ?? []), pattern]);
}

/** The part of a request that stands there as it is. */
function partOf(expression: unknown): string | undefined {
  const { Var: variable, '.': access } = Object(expression);
  if (typeof variable === 'string') return variable;
  return access?.left?.Var === 'context' ? String(access.attr) : undefined;
}

/** The texts and entity ids that stand there as they are, in a list too. */
function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  const { Value: literal, Set: items, __entity: entity, entities, in: within, id, ...rest } = Object(value);
  const inner = [literal, items, entity, entities, within, rest.entity].filter((each) => typeof each === 'object');
  return [literal, id].filter((each) => typeof each === 'string').concat(inner.flatMap(textsIn));
}

/** `["Wildcard", {"Literal": "a"}, {"Literal": "b"}, "Wildcard"]` → ``, `ab`, `` */
function piecesOf(pattern: unknown): Pattern {
  const pieces = [''];
  for (const element of Array.isArray(pattern) ? pattern : []) {
    if (element === 'Wildcard') pieces.push('');
    else pieces.push(pieces.pop() + String(Object(element).Literal ?? ''));
  }
  return pieces;
}

const VARIABLES = ['principal', 'action', 'resource'] as const;
const COMPARING: ReadonlySet<string> = new Set(['==', '!=', 'in', 'contains', 'containsAll', 'containsAny']);
