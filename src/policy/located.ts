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
  // what is warned of (an unknown tag) would be read as something else than it says
  const document = yaml.parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  const [error] = [...document.errors, ...document.warnings];
  const refuse = (at: number, what: string): PalyraError => {
    const { line, col } = lineCounter.linePos(at);
    return new PalyraError('input.invalid', `${file}:${line}:${col}: ${what}`);
  };
  if (error?.code === 'MULTIPLE_DOCS') throw refuse(error.pos[0], 'a second document begins here; a file holds one');
  if (error !== undefined) throw refuse(error.pos[0], `not YAML: ${error.message}`);
  yaml.visit(document, {
    Pair(_, { key }) {
      const at: unknown = Object(key).range?.[0];
      if (yaml.isCollection(key)) throw refuse(Number(at ?? 0), 'a key is a text, not a list or a table');
    },
  });
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
