import { printable } from '../text.ts';
import { relative, rfc3339 } from '../time.ts';
import type { Output } from './output.ts';

/** One column: a heading, the cell for people, and the full value for programs (TSV) where they differ. */
export interface Column<T> {
  readonly heading: string;
  readonly cell: (item: T) => string;
  readonly value?: (item: T) => string;
}

/** A column of moments, e.g. `created_at_unix_ms`: from now for people, in full for programs. */
export function momentColumn<Key extends string>(
  heading: string,
  now: number,
  key: Key,
): Column<Readonly<Record<Key, number>>> {
  return { heading, cell: (item) => relative(item[key], now), value: (item) => rfc3339(item[key]) };
}

/** A list: a table on a terminal, TSV in a pipe, `{schema, items, count}` with --json. */
export interface Listing<T> {
  /** e.g. `palyra.tokens.list/1` */
  readonly schema: string;
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
  /** the item as --json shows it */
  readonly record: (item: T) => unknown;
  /** what to say on stderr when there is nothing, with the command that makes the first one */
  readonly empty: string;
}

/** Say a list in the form that its reader wants. */
export async function sayList<T>(output: Output, { schema, items, columns, record, empty }: Listing<T>): Promise<void> {
  if (output.json) {
    output.value({ schema, items: items.map(record), count: items.length });
    return;
  }
  if (!output.isTerminal) {
    for (const item of items) output.answer(tsvLine(item, columns));
    return;
  }
  if (items.length === 0) {
    output.note(empty);
    return;
  }
  for (const line of await tableLines(output, items, columns)) output.answer(line);
}

/** A column whose width is fixed: what comes later cannot widen it. */
export interface FixedColumn<T> extends Column<T> {
  readonly width: number;
}

/** Rows as they come, for a list that may have no end: under headings on a terminal, TSV in a pipe. */
export function openRows<T>(output: Output, columns: readonly FixedColumn<T>[]): (item: T) => void {
  if (!output.isTerminal) {
    return (item) => output.answer(tsvLine(item, columns));
  }
  const align = (cells: readonly string[]): string => {
    const line = cells.map((cell, index) => cell.padEnd(columns[index]?.width ?? 0)).join('  ');
    return cut(line.trimEnd(), output.columns);
  };
  let isHeaded = false;
  return (item) => {
    if (!isHeaded) output.answer(output.paint.faint(align(columns.map(({ heading }) => heading.toUpperCase()))));
    isHeaded = true;
    output.answer(align(columns.map(({ cell }) => printable(cell(item)))));
  };
}

/** No boxes; cells escaped before cli-table3 sees them; cut from the right to the terminal's width. */
async function tableLines<T>(output: Output, items: readonly T[], columns: readonly Column<T>[]): Promise<string[]> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    chars: NO_BOXES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  });
  table.push(columns.map(({ heading }) => heading.toUpperCase()));
  for (const item of items) table.push(columns.map(({ cell }) => printable(cell(item))));
  const lines = table
    .toString()
    .split('\n')
    .map((line) => cut(line.trimEnd(), output.columns));
  const [head = '', ...rows] = lines;
  return [output.paint.faint(head), ...rows];
}

function tsvLine<T>(item: T, columns: readonly Column<T>[]): string {
  return columns.map(({ cell, value = cell }) => tsv(value(item))).join('\t');
}

/** TAB, LF, CR and backslash escaped, so that a value is a cell and a row is a line; the rest of what is hostile too. */
function tsv(text: string): string {
  return text.replace(/[\t\n\r]|[^\t\n\r]+/g, (part) => TSV_ESCAPES[part] ?? printable(part));
}

function cut(line: string, columns: number): string {
  const characters = [...line];
  return characters.length <= columns ? line : `${characters.slice(0, Math.max(1, columns - 1)).join('')}…`;
}

const TSV_ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const NO_BOXES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
