import { PalyraError } from './errors.ts';

/**
 * JSON from outside, read so that writing it again loses nothing: no key twice, no integer beyond 2^53, no number that
 * overflows, no deeper than `depth` levels.
 * @throws PalyraError input.invalid, which never echoes the text
 */
export function parseStrictJson(text: string, depth = 64): unknown {
  const value = parseJson(text);
  const open: Level[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const end = endOfString(text, i);
      const level = open.at(-1);
      if (level?.expectsKey === true) {
        addKey(level, text.slice(i, end));
        level.expectsKey = false;
      }
      i = end - 1;
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (open.length === depth) throw new PalyraError('input.invalid', `JSON nested deeper than ${depth} levels`);
      open.push({ keys: unit === OPEN_BRACE ? new Set() : null, expectsKey: unit === OPEN_BRACE });
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      open.pop();
    } else if (unit === COMMA) {
      const level = open.at(-1);
      if (level !== undefined) level.expectsKey = level.keys !== null;
    } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      const end = endOfNumber(text, i);
      checkNumber(text.slice(i, end));
      i = end - 1;
    }
  }
  return value;
}

/** `keys`: those seen so far in an object, null in a list. */
interface Level {
  readonly keys: Set<string> | null;
  expectsKey: boolean;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message quotes the text, which may hold what must not be echoed
    throw new PalyraError('input.invalid', text.trim() === '' ? 'empty, not JSON' : 'not JSON, or cut short');
  }
}

/** The index after the closing quote; the text is known to be JSON. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === 0x5c) backslashes++;
  return backslashes % 2 === 1;
}

function addKey(level: Level, quoted: string): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  if (level.keys?.has(key) === true)
    throw new PalyraError('input.invalid', `the key "${key.slice(0, 64)}" occurs twice`);
  level.keys?.add(key);
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while ('0123456789+-.eE'.includes(text.charAt(end)) && end < text.length) end++;
  return end;
}

function checkNumber(literal: string): void {
  const isWhole = !/[.eE]/.test(literal);
  const value = Number(literal);
  if (Number.isFinite(value) && (!isWhole || Number.isSafeInteger(value))) return;
  throw new PalyraError('input.invalid', 'a number too large to be kept exactly', {
    why: 'integers beyond 2^53 are rounded',
  });
}
