/**
 * How a tool reads its options, as far as a check must know it. Options are written as on its command line, separated by
 * blanks: `-o --output`; `-exec` where the tool has words behind a single dash.
 */
export interface OptionRules {
  /** run programs, load code, read settings from elsewhere, or change who is dialled */
  readonly refuses?: string;
  /** real options that a refused one begins with: `--checkpoint` beside `--checkpoint-action` */
  readonly keeps?: string;
  /** are followed by a value */
  readonly takes?: string;
  /** are followed by a value that is neither path nor host */
  readonly text?: string;
  /** are followed by a host or URL */
  readonly dials?: string;
}

/** One option, or operand and where it stands in argv. */
export type Item =
  | {
      readonly kind: 'option';
      readonly name: string;
      readonly use: 'refused' | 'text' | 'dials' | 'other';
      readonly value: string | undefined;
    }
  | { readonly kind: 'operand'; readonly value: string; readonly index: number };

/**
 * Read argv from `start` on as the tool would: glued (`-Cdir`), bundled (`-xzfI`), `--name=value`, `--name value` and
 * unambiguous beginnings (`--to-comm`).
 */
export function readOptions(argv: readonly string[], start: number, rules: OptionRules): Item[] {
  const table = tableOf(rules);
  const items: Item[] = [];
  let onlyOperands = false;
  for (let index = start; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (onlyOperands || !argument.startsWith('-') || argument === '-') {
      items.push({ kind: 'operand', value: argument, index });
    } else if (argument === '--') {
      onlyOperands = true;
    } else if (argument.startsWith('--') || table.words.has(wordOf(argument))) {
      index += readLong(argv, index, table, items);
    } else {
      index += readBundle(argv, index, table, items);
    }
  }
  return items;
}

interface Table {
  readonly uses: ReadonlyMap<string, 'refused' | 'text' | 'dials' | 'other'>;
  readonly takers: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
  readonly refused: readonly string[];
}

const tables = new WeakMap<OptionRules, Table>();

function tableOf(rules: OptionRules): Table {
  const known = tables.get(rules);
  if (known !== undefined) return known;
  const [refused, keeps, takes, text, dials] = [rules.refuses, rules.keeps, rules.takes, rules.text, rules.dials].map(
    (names) => (names === undefined ? [] : names.split(' ')),
  ) as [string[], string[], string[], string[], string[]];
  const table: Table = {
    uses: new Map([
      ...[...takes, ...keeps].map((name) => [name, 'other'] as const),
      ...text.map((name) => [name, 'text'] as const),
      ...dials.map((name) => [name, 'dials'] as const),
      ...refused.map((name) => [name, 'refused'] as const),
    ]),
    takers: new Set([...takes, ...text, ...dials]),
    words: new Set([...refused, ...keeps, ...takes, ...text, ...dials].filter((name) => /^-[^-]./.test(name))),
    refused,
  };
  tables.set(rules, table);
  return table;
}

function wordOf(argument: string): string {
  const equals = argument.indexOf('=');
  return equals === -1 ? argument : argument.slice(0, equals);
}

/** @returns how many further arguments were read */
function readLong(argv: readonly string[], index: number, table: Table, items: Item[]): number {
  const argument = argv[index] ?? '';
  const name = wordOf(argument);
  const use = table.uses.get(name) ?? (beginsRefused(name, table) ? 'refused' : 'other');
  const glued = argument.length > name.length;
  const apart = !glued && table.takers.has(name);
  const value = glued ? argument.slice(name.length + 1) : apart ? argv[index + 1] : undefined;
  items.push({ kind: 'option', name, use, value });
  return apart ? 1 : 0;
}

function beginsRefused(name: string, table: Table): boolean {
  return name.length > 2 && table.refused.some((refused) => refused.startsWith('--') && refused.startsWith(name));
}

function readBundle(argv: readonly string[], index: number, table: Table, items: Item[]): number {
  const argument = argv[index] ?? '';
  for (let at = 1; at < argument.length; at++) {
    const name = `-${argument[at]}`;
    const use = table.uses.get(name) ?? 'other';
    if (!table.takers.has(name)) {
      items.push({ kind: 'option', name, use, value: undefined });
      if (use === 'refused') return 0;
      continue;
    }
    const rest = argument.slice(at + 1);
    const value = rest === '' ? argv[index + 1] : rest;
    items.push({ kind: 'option', name, use, value });
    return rest === '' ? 1 : 0;
  }
  // no letter is known to take a value: the rest may be one all the same
  items.push({ kind: 'option', name: argument, use: 'other', value: argument });
  return 0;
}
