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

function toOffset(source: string, byteOffset: number): number {
  let bytes = 0;
  let offset = 0;
  for (const character of source) {
    if (bytes >= byteOffset) break;
    bytes += byteLength(character.codePointAt(0) ?? 0);
    offset += character.length;
  }
  return offset;
}

function byteLength(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x1_0000 ? 3 : 4;
}

function positionAt(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
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
  const { line } = positionAt(source, start);
  const lines = source.split('\n').map((text) => text.replace(/\r$/, ''));
  const column = start - (source.lastIndexOf('\n', start - 1) + 1);
  const whole = lines[line - 1] ?? '';
  const from = whole.length <= FRAME_WIDTH ? 0 : Math.max(0, column - FRAME_WIDTH / 2);
  const text = whole.slice(from, from + FRAME_WIDTH);
  const indent = printable(text.slice(0, column - from)).length;
  const marked = printable(text.slice(column - from, column - from + end - start)).length;
  const margin = ' '.repeat(String(line).length);
  return [
    ...(line > 1
      ? [`${String(line - 1).padStart(margin.length)} | ${lines[line - 2]?.slice(from, from + FRAME_WIDTH)}`]
      : []),
    `${line} | ${text}`,
    `${margin} | ${' '.repeat(indent)}${'^'.repeat(Math.max(1, marked))}`,
  ].join('\n');
}

const FRAME_WIDTH = 100;
