import type { Constraint, EntityUid, Scope, Slot } from './source.ts';

/**
 * What must be so for a policy to match: a part of the request is one of these values. When it is not, the policy is
 * false and cannot fail, so a set without it gives the same decision, the same reasons and the same errors.
 */
export interface Requirement {
  /** `principal`, `principal type`, `context.tool_name` … */
  readonly part: string;
  readonly values: readonly string[];
}

/** What is known of every request that will be asked. Of a request of the caller's own, nothing is. */
export interface Certain {
  /** no entity has a parent, so that `in` is equality */
  readonly flat: boolean;
  /** attributes that every context has */
  readonly attributes: ReadonlySet<string>;
}

/** A part of the request at hand, written like the values of requirements; undefined is no requirement's value. */
export type PartOf = (part: string) => string | undefined;

/** Finds the policies that a request can match, at a cost that the others do not add to. */
export interface PolicyIndex {
  /** Requests with the same signature have the same candidates. */
  signature(partOf: PartOf): string;
  /** The places of all policies whose requirements hold, ascending. */
  candidates(partOf: PartOf): readonly number[];
}

/** An entity as requirements write it. A type has no line break, so nothing else is written the same way. */
export function entityPart(type: string, id: string): string {
  return `${type}\n${id}`;
}

/**
 * What a policy's scope requires. Cedar evaluates it first, it cannot fail, and where it is false nothing else is
 * looked at. A slot may be filled with anything, so it requires nothing.
 */
export function scopeRequirements(scope: Scope, { flat }: Certain): Requirement[] {
  return (['principal', 'action', 'resource'] as const).flatMap((variable) => {
    const constraint = scope[variable];
    const type = constraint.op === 'is' ? [{ part: `${variable} type`, values: [constraint.type] }] : [];
    const entities = constraint.op === '==' || flat ? entitiesOf(constraint) : [];
    const values = entities.flatMap((entity) => ('slot' in entity ? [] : [entityPart(entity.type, entity.id)]));
    return values.length === 0 || values.length < entities.length ? type : [...type, { part: variable, values }];
  });
}

/**
 * What the first conjuncts of a first `when` require, as far as they are plain equalities: `context.a == "x"`,
 * `resource == Resource::"x"`. Conjuncts are evaluated from the left up to the first that is false or fails, and an
 * equality fails only for an attribute that is absent: so a false one behind nothing but such equalities ends the
 * policy without an error. Whatever is written in another way ends the reading.
 * @param text a policy that parses
 */
export function leadingRequirements(text: string, { attributes }: Certain): Requirement[] {
  const body = bodyOf(text);
  const requirements: Requirement[] = [];
  let end = /^\s*when\s*\{/.exec(body)?.[0].length ?? body.length;
  for (;;) {
    EQUALITY.lastIndex = end;
    const [whole, attribute, variable = '', type = '', text = '', next] = EQUALITY.exec(body) ?? [];
    if (whole === undefined || (attribute !== undefined && !attributes.has(attribute))) break;
    if (attribute !== undefined) requirements.push({ part: `context.${attribute}`, values: [text] });
    else requirements.push({ part: variable, values: [entityPart(type.replace(/\s/g, ''), text)] });
    if (next === '}') return requirements;
    end += whole.length;
  }
  return requirements.length === 0 || isAlternative(body.slice(end)) ? [] : requirements;
}

/** Index policies by what they require; each under the one of its values that fewest policies share. */
export function openIndex(policies: readonly (readonly Requirement[])[]): PolicyIndex {
  const parts = countValues(policies);
  const open: number[] = [];
  const shelves = new Map<string, Map<string, number[]>>();
  for (const [place, requirements] of policies.entries()) {
    const [rarest] = requirements.toSorted((a, b) => sharing(a) - sharing(b));
    if (rarest === undefined) open.push(place);
    else shelve(place, rarest);
  }
  return {
    signature(partOf) {
      let signature = '';
      for (const [part, values] of parts) signature += `${find(values, partOf(part))?.number ?? ''},`;
      return signature;
    },
    candidates(partOf) {
      const near = [...shelves].flatMap(([part, shelf]) => find(shelf, partOf(part)) ?? []);
      const holding = near.filter((place) => (policies[place] ?? []).every((required) => holds(required, partOf)));
      return [...open, ...holding].sort((a, b) => a - b);
    },
  };

  function sharing({ part, values }: Requirement): number {
    const shared = parts.get(part);
    return values.reduce((sum, value) => sum + (shared?.get(value)?.count ?? 0), 0);
  }

  function shelve(place: number, { part, values }: Requirement): void {
    const shelf = shelves.get(part) ?? new Map<string, number[]>();
    shelves.set(part, shelf);
    for (const value of new Set(values)) {
      const places = shelf.get(value);
      if (places === undefined) shelf.set(value, [place]);
      else places.push(place);
    }
  }
}

/** The values that policies require of each part, numbered, and how often each is. */
function countValues(policies: readonly (readonly Requirement[])[]) {
  const parts = new Map<string, Map<string, { readonly number: number; count: number }>>();
  for (const { part, values } of policies.flat()) {
    const known = parts.get(part) ?? new Map<string, { readonly number: number; count: number }>();
    parts.set(part, known);
    for (const value of values) {
      const entry = known.get(value);
      if (entry === undefined) known.set(value, { number: known.size, count: 1 });
      else entry.count++;
    }
  }
  return parts;
}

function find<T>(values: ReadonlyMap<string, T>, value: string | undefined): T | undefined {
  return value === undefined ? undefined : values.get(value);
}

function holds({ part, values }: Requirement, partOf: PartOf): boolean {
  const value = partOf(part);
  return value !== undefined && values.includes(value);
}

/** The entities one of which a variable is or is in; none when it may be any. */
function entitiesOf(constraint: Constraint): readonly (EntityUid | Slot)[] {
  if (constraint.op === '==') return [constraint.entity];
  if (constraint.op === 'in') return constraint.entities;
  return constraint.op === 'is' && constraint.in !== undefined ? [constraint.in] : [];
}

/** The clauses of a policy: what follows the brackets behind `permit` or `forbid`. */
function bodyOf(text: string): string {
  let depth = 0;
  let isScope = false;
  for (const { 0: token, index } of text.matchAll(HEAD)) {
    if (token === 'permit' || token === 'forbid') isScope = depth === 0;
    if (token === '(') depth++;
    if (token !== ')') continue;
    depth--;
    if (isScope && depth === 0) return text.slice(index + 1);
  }
  return '';
}

/** Whether the rest of a `when` has `||` outside brackets: then what stood before is not required after all. */
function isAlternative(rest: string): boolean {
  let depth = 0;
  for (const [token] of rest.matchAll(STRUCTURE)) {
    if (token === '||' && depth === 0) return true;
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token)) depth--;
    if (depth < 0) return false;
  }
  // the clause does not end: not a policy that parses
  return true;
}

// a text with an escape is not read: it would have to be understood the way Cedar does
const EQUALITY =
  /\s*(?:context\s*\.\s*([A-Za-z_]\w*)\s*==\s*|(principal|action|resource)\s*==\s*([A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)*)\s*::\s*)"([^"\\\n\r]*)"\s*(&&|\})/y;
// an annotation may be called permit
const HEAD = /"(?:[^"\\]|\\.)*"|\/\/[^\n\r]*|@\s*\w+|\w+|[()]/gs;
const STRUCTURE = /"(?:[^"\\]|\\.)*"|\/\/[^\n\r]*|\|\||[()[\]{}]/gs;
