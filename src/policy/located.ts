import type { Document, LineCounter } from 'yaml';
import { PalyraError } from '../errors.ts';
import { parseJson } from '../json.ts';

/** A document, and where in its file each part of it stands. */
export interface Located {
  readonly value: unknown;
  /** the line of what a path of keys and indexes leads to, or of what is nearest above it; from 1 */
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

const DEPTH = 32;

/**
 * Read YAML, JSON (`.json`) or JSON lines (`.jsonl`).
 * @throws PalyraError input.invalid, input.too_large, with file and line
 */
export async function readLocated(text: string, file: string): Promise<Located> {
  if (file.endsWith('.jsonl')) return readJsonLines(text, file);
  if (file.endsWith('.json')) parseJson(text, { name: file, depth: DEPTH });
  return await readYaml(text, file);
}

function readJsonLines(text: string, file: string): Located {
  const lines = text.split('\n').map((line, i) => ({ line, number: i + 1 }));
  const filled = lines.filter(({ line }) => line.trim() !== '');
  return {
    value: filled.map(({ line, number }) => parseJson(line, { name: `${file}:${number}`, depth: DEPTH })),
    lineOf: ([index]) => filled[Number(index)]?.number ?? 1,
  };
}

async function readYaml(text: string, file: string): Promise<Located> {
  refuseDeep(text, file);
  const { default: yaml } = await import('yaml');
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new PalyraError('input.invalid', `${file}:${line}:${col}: not YAML: ${error.message}`);
  }
  return { value: toValue(document, file), lineOf: (path) => lineOf(document, lineCounter, path) };
}

/**
 * The parser is recursive, and a text nested a thousand deep ends the process: brackets that are open, and dashes and
 * blanks at the beginning of a line, are counted before it sees them.
 */
function refuseDeep(text: string, file: string): void {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket === '[' || bracket === '{' ? 1 : -1));
    if (open > NESTING) break;
  }
  if (open <= NESTING && !INDENTED.test(text)) return;
  throw new PalyraError('input.too_large', `${file} is nested too deep`, { why: `the limit is ${NESTING} levels` });
}

const NESTING = 200;
const INDENTED = /^[ \t?:-]{201}/m;

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // of aliases that lead nowhere, or to more than memory holds
    if (!(error instanceof ReferenceError)) throw error;
    throw new PalyraError('input.invalid', `${file} is not YAML: ${error.message}`, { cause: error });
  }
}

function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range: unknown = Object(node).range;
    if (Array.isArray(range)) return lines.linePos(Number(range[0])).line;
  }
  return 1;
}
