import { PalyraError } from '../errors.ts';
import { nearest, printable } from '../text.ts';
import type { DetailedError } from './engine.ts';

/** One thing wrong in a policy or schema file. Foreign text, to be escaped by whoever shows it. */
export interface Diagnostic {
  readonly file: string;
  /** from 1 */
  readonly line: number;
  /** in characters, from 1 */
  readonly column: number;
  readonly message: string;
  readonly help: string | undefined;
  /** the line and the one before it, numbered, and a line of `^` under what is meant; undefined when Cedar names no place */
  readonly frame: string | undefined;
}

/**
 * Say where in a file an error of Cedar's is.
 * @param text what was handed to Cedar, whole
 * @param file for the message
 */
export function diagnose(error: DetailedError, text: string, file: string): Diagnostic {
  const source = withoutBom(text);
  const [place] = error.sourceLocations ?? [];
  const start = toOffset(source, place?.start ?? 0);
  const end = toOffset(source, place?.end ?? 0);
  return {
    file,
    ...positionAt(source, start),
    message: error.message.replace(PREFIX, ''),
    help: findHelp(error, place?.label ?? undefined, source.slice(start, end))?.replace(PREFIX, ''),
    frame: place === undefined ? undefined : drawFrame(source, start, end),
  };
}

// Cedar says what it was doing; the file and the line say that better
const PREFIX = /^(failed to parse (policies|schema) from string: |for policy `[^`]*`, )/;

/** Where a byte of a UTF-8 text is, its BOM not counted. */
export function locate(text: string, byteOffset: number): { readonly line: number; readonly column: number } {
  const source = withoutBom(text);
  return positionAt(source, toOffset(source, byteOffset));
}

/** How many bytes of UTF-8 come before an offset of a text without a BOM. */
export function bytesBefore(text: string, offset: number): number {
  const { offsets, bytes } = linesOf(text);
  const line = lastBefore(offsets, offset);
  return (bytes[line] ?? 0) + utf8Length(text.slice(offsets[line], offset));
}

/** A text as Cedar can read it: it takes a byte order mark for a mistake. */
export function withoutBom(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** The error for files that Cedar does not read; the diagnostics are in its details. */
export function refusePolicies(diagnostics: readonly Diagnostic[]): PalyraError {
  const [first] = diagnostics;
  if (first === undefined) throw new Error('nothing is wrong');
  const { file, line, column, message, help, frame } = first;
  return new PalyraError('input.invalid', `${file}:${line}:${column}: ${message}`, {
    ...(frame === undefined ? {} : { why: frame }),
    ...(help === undefined ? {} : { hint: help }),
    details: { diagnostics },
  });
}

/** Where the lines of a text begin, in UTF-16 code units and in bytes of UTF-8. */
interface Lines {
  readonly source: string;
  readonly offsets: readonly number[];
  readonly bytes: readonly number[];
}

let last: Lines | undefined;

/** Of the text that was asked about last they are kept: a file has thousands of findings, one after the other. */
function linesOf(source: string): Lines {
  if (last?.source === source) return last;
  const [offsets, bytes] = [[0], [0]];
  for (let start = 0, byte = 0; ; ) {
    const end = source.indexOf('\n', start) + 1;
    if (end === 0) break;
    byte += utf8Length(source.slice(start, end));
    start = end;
    offsets.push(start);
    bytes.push(byte);
  }
  last = { source, offsets, bytes };
  return last;
}

/** The place of the last start that is not behind a position. */
function lastBefore(starts: readonly number[], position: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

function toOffset(source: string, byteOffset: number): number {
  const lines = linesOf(source);
  const line = lastBefore(lines.bytes, byteOffset);
  let bytes = lines.bytes[line] ?? 0;
  let offset = lines.offsets[line] ?? 0;
  while (bytes < byteOffset && offset < source.length) {
    const character = String.fromCodePoint(source.codePointAt(offset) ?? 0);
    bytes += utf8Length(character);
    offset += character.length;
  }
  return offset;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function positionAt(source: string, offset: number): { line: number; column: number } {
  const { offsets } = linesOf(source);
  const line = lastBefore(offsets, offset);
  return { line: line + 1, column: [...source.slice(offsets[line], offset)].length + 1 };
}

/** Cedar's own help; and the word that was probably meant, when it is near one that Cedar would have taken. */
function findHelp(error: DetailedError, label: string | undefined, found: string): string | undefined {
  const help = error.help ?? label;
  if (help?.startsWith('did you mean') === true) return help;
  const [word = ''] = /^\w+/.exec(found) ?? [];
  const words = [...(help ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
  const [meant] = word === '' ? [] : nearest(word, [...words, ...VARIABLES]);
  return meant === undefined || meant === word ? help : `did you mean \`${meant}\`?`;
}

const VARIABLES = ['principal', 'action', 'resource', 'context'];

/** As wide as it will be shown: the `^` stand right under text that is escaped, too. */
function drawFrame(source: string, start: number, end: number): string {
  const { offsets } = linesOf(source);
  const { line } = positionAt(source, start);
  const lineAt = (place: number): string => source.slice(offsets[place], offsets[place + 1]).replace(/\r?\n$|\r$/, '');
  const column = start - (offsets[line - 1] ?? 0);
  const whole = lineAt(line - 1);
  const from = whole.length <= FRAME_WIDTH ? 0 : Math.max(0, column - FRAME_WIDTH / 2);
  const text = whole.slice(from, from + FRAME_WIDTH);
  const indent = printable(text.slice(0, column - from)).length;
  const marked = printable(text.slice(column - from, column - from + end - start)).length;
  const margin = ' '.repeat(String(line).length);
  return [
    ...(line > 1
      ? [`${String(line - 1).padStart(margin.length)} | ${lineAt(line - 2).slice(from, from + FRAME_WIDTH)}`]
      : []),
    `${line} | ${text}`,
    `${margin} | ${' '.repeat(indent)}${'^'.repeat(Math.max(1, marked))}`,
  ].join('\n');
}

const FRAME_WIDTH = 100;
