import { PalyraError } from './errors.ts';

/** What a text is called in errors, and how deep it may be nested. */
export interface JsonLimits {
  readonly name: string;
  readonly depth: number;
  /** refuse numbers that would not survive being written again: integers beyond 2^53, and what overflows */
  readonly exact?: boolean;
}

/**
 * Parse JSON that somebody handed in: no key twice (two readers may take different ones), no deeper than the limit.
 * @throws PalyraError input.invalid with line and column; the text is not echoed
 */
export function parseJson(text: string, limits: JsonLimits): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(limits);
    throw flawOf(text, limits) ?? invalid(text, text.length, 'not JSON', limits);
  }
  if (limits.exact === true || mayHide(text, value, limits)) {
    const flaw = flawOf(text, limits);
    if (flaw !== undefined) throw flaw;
  }
  return value;
}

/**
 * The members of a JSON object as they are written, so that they can be passed on byte for byte.
 * @throws PalyraError input.invalid as parseJson does
 */
export function rawMembers(text: string, limits: JsonLimits): Map<string, string> {
  parseJson(text, limits);
  const spans = new Map<string, string>();
  scan(text, limits, (key, start, end) => spans.set(key, text.slice(start, end)));
  return spans;
}

/**
 * Whether a parse may have lost a member or is nested too deep: fewer texts in the value than quotes in the text, so a
 * key stood there twice. Exact but for backslashes, which are looked at closely; it costs a fraction of a scan.
 */
function mayHide(text: string, value: unknown, limits: JsonLimits): boolean {
  if (text.includes('\\')) return true;
  let quotes = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes++;
  return quotes !== 2 * countTexts(value, limits, 1);
}

function countTexts(value: unknown, limits: JsonLimits, level: number): number {
  if (typeof value === 'string') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  if (level > limits.depth) throw tooDeep(limits);
  let texts = 0;
  if (Array.isArray(value)) for (const item of value) texts += countTexts(item, limits, level + 1);
  else
    for (const key of Object.keys(value))
      texts += 1 + countTexts((value as Record<string, unknown>)[key], limits, level + 1);
  return texts;
}

function flawOf(text: string, limits: JsonLimits): PalyraError | undefined {
  try {
    scan(text, limits, () => {});
    return undefined;
  } catch (error) {
    if (error instanceof PalyraError) return error;
    throw error;
  }
}

type Member = (key: string, start: number, end: number) => void;

/** Read the text by the grammar of RFC 8259, without recursion; tell each member of the outermost object. */
function scan(text: string, limits: JsonLimits, member: Member): void {
  /** the objects and lists that are open; the keys seen so far of an object, null for a list */
  const open: (Set<string> | null)[] = [];
  let at = 0;
  let key: string | undefined;
  let start = 0;
  let end = 0;
  const skip = (): void => {
    WHITE.lastIndex = at;
    WHITE.test(text);
    at = WHITE.lastIndex;
  };
  const fail = (said: string): never => {
    throw invalid(text, at, said, limits);
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const readKey = (keys: Set<string>): void => {
    const from = at;
    const behind = endOfText(text, at);
    if (behind === -1) fail('a key in double quotes is expected');
    const name: string = JSON.parse(text.slice(at, behind));
    at = behind;
    if (keys.has(name)) {
      at = from;
      fail(`the key ${JSON.stringify(name.slice(0, 60))} is there twice`);
    }
    keys.add(name);
    skip();
    if (take(COLON) === undefined) fail('a colon is expected');
    skip();
    if (open.length === 1) {
      key = name;
      start = at;
    }
  };

  skip();
  for (;;) {
    // a value is expected here
    if (text[at] === '{' || text[at] === '[') {
      const keys = text[at] === '{' ? new Set<string>() : null;
      const close = keys === null ? ']' : '}';
      at++;
      open.push(keys);
      if (open.length > limits.depth) throw tooDeep(limits);
      skip();
      if (text[at] !== close) {
        if (keys !== null) readKey(keys);
        continue;
      }
    } else {
      const behind = endOfText(text, at);
      const from = at;
      if (behind !== -1) at = behind;
      else if (take(SCALAR) === undefined) fail(at < text.length ? 'a value is expected' : 'it ends too early');
      if (limits.exact === true && !isExact(text.slice(from, at))) {
        at = from;
        fail('a number too large to be kept exactly');
      }
    }
    end = at;

    // a value has ended here: close what ends with it
    while (open.length > 0) {
      skip();
      const keys = open[open.length - 1] ?? null;
      const close = keys === null ? ']' : '}';
      if (text[at] !== close && text[at] !== ',')
        fail(at < text.length ? `a comma or ${close} is expected` : 'it ends too early');
      if (open.length === 1 && key !== undefined) member(key, start, end);
      at++;
      if (text[at - 1] === close) {
        open.pop();
        end = at;
        continue;
      }
      skip();
      if (keys !== null) readKey(keys);
      break;
    }
    if (open.length === 0) break;
  }
  skip();
  if (at < text.length) fail('nothing more is expected');
}

const WHITE = /[ \t\n\r]*/y;
const COLON = /:/y;
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/** The index behind the text that starts here, or -1 if none does. By search, not by pattern: a text may be megabytes. */
function endOfText(text: string, start: number): number {
  if (text[start] !== '"') return -1;
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end !== -1 && isJson(text.slice(start, end + 1)) ? end + 1 : -1;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a text, word or number is the same when it is read and written again, but for how it is spelt. */
function isExact(literal: string): boolean {
  const value = Number(literal);
  return !/^-?\d/.test(literal) || (Number.isFinite(value) && (/[.eE]/.test(literal) || Number.isSafeInteger(value)));
}

function invalid(text: string, offset: number, said: string, { name }: JsonLimits): PalyraError {
  const before = text.slice(0, offset).split('\n');
  const column = [...(before.at(-1) ?? '')].length + 1;
  return new PalyraError(
    'input.invalid',
    `${name} is not valid JSON: line ${before.length}, column ${column}: ${said}`,
  );
}

function tooDeep({ name, depth }: JsonLimits): PalyraError {
  return new PalyraError('input.too_large', `${name} is nested too deep`, { why: `the limit is ${depth} levels` });
}
