import type { CedarCall, JsonText } from '../../policy/engine.ts';

/** How much JSON may be: `members` is of one record. */
interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
  readonly members: number;
}

const UID: JsonLimits = { bytes: 64 * 1024, depth: 4, members: 16 };
const CONTEXT: JsonLimits = { bytes: 256 * 1024, depth: 32, members: 1000 };
// an entity lies in a list, its attributes in it: three levels more
const ENTITIES: JsonLimits = { bytes: 4 * 1024 * 1024, depth: 35, members: 1000 };

/**
 * Why a call must not reach Cedar, or undefined. Cedar throws for what it cannot read as JSON, and a throw costs the
 * instance; 50,000 attributes take it 9 s; and a value made by `unknown` lets a forbid fail, which Cedar then skips.
 */
export function findRefusal(call: CedarCall): string | undefined {
  return (
    refuse('principal', call.principal, UID) ??
    refuse('action', call.action, UID) ??
    refuse('resource', call.resource, UID) ??
    refuse('context', call.context, CONTEXT) ??
    refuse('entities', call.entities, ENTITIES)
  );
}

function refuse(name: string, text: JsonText, limits: JsonLimits): string | undefined {
  // a code unit is at most three bytes, so short texts need no counting
  if (text.length * 3 > limits.bytes && Buffer.byteLength(text) > limits.bytes) {
    return `${name} is larger than ${limits.bytes / 1024} KiB`;
  }
  // each part by itself, so that none can end early and bring fields of its own into the call
  const value = parse(text);
  if (value === undefined) return `${name} is not JSON`;
  const tally = { members: 0 };
  const flaw = findFlaw(value, limits, tally);
  if (flaw !== undefined) return `${name} ${flaw}`;
  return countNames(text) === tally.members ? undefined : `${name} has two members of one name`;
}

function parse(text: JsonText): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What in a JSON value Cedar would throw for, or must never be told; undefined when there is nothing.
 * @param tally counts the members of all records on the way
 */
export function findFlaw(
  value: unknown,
  limits: Omit<JsonLimits, 'bytes'>,
  tally = { members: 0 },
  level = 0,
): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'holds half a surrogate pair';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'holds a number out of range';
  if (typeof value !== 'object' || value === null) return undefined;
  if (level === limits.depth) return `is nested more than ${limits.depth} levels deep`;
  const names = Object.keys(value);
  if (!Array.isArray(value)) {
    if (names.length > limits.members) return `holds a record of more than ${limits.members} attributes`;
    tally.members += names.length;
  }
  for (const name of names) {
    if (!name.isWellFormed()) return 'holds half a surrogate pair';
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (name === '__extn' && isUnknown(member)) return 'holds a call of unknown(), which only partial evaluation has';
    const flaw = findFlaw(member, limits, tally, level + 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function isUnknown(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'fn' in value && value.fn === 'unknown';
}

/** Names that stand in a JSON text: colons outside strings. JSON.parse drops doubles silently, Cedar throws for them. */
function countNames(json: JsonText): number {
  let names = 0;
  let isInside = false;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) isInside = !isInside;
    else if (isInside && unit === BACKSLASH) at++;
    else if (!isInside && unit === COLON) names++;
  }
  return names;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
