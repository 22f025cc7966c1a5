/**
 * How a tool reads its options, as far as a check must know it. Options are written as on its command line, separated by
 * blanks: `-o --output`; `-exec` where the tool has words behind a single dash.
 */
export interface OptionRules {
  /** run programs, load code, read settings from elsewhere, or change who is dialled */
  readonly refuses?: string;
  /** are real and take no value, or one in the same word alone: `--checkpoint` beside `--checkpoint-action`, `--color=auto` */
  readonly keeps?: string;
  /** letters that may be followed by a value in the same word, and there alone: `-O2` */
  readonly glues?: string;
  /** are followed by a value */
  readonly takes?: string;
  /** are followed by a value that is neither path nor host */
  readonly text?: string;
  /** are followed by a host or URL */
  readonly dials?: string;
  /** are followed by the port of a host that stands elsewhere */
  readonly ports?: string;
  /** those that a name follows before the value: `--arg NAME VALUE` */
  readonly names?: string;
  /** every option is a word, behind one dash or two alike, and written in full (Go, OpenSSL); here with one dash */
  readonly words?: true;
}

/** `unknown`: in no list, so that the next word may be its value, or not. */
export type OptionUse = 'refused' | 'text' | 'dials' | 'port' | 'other' | 'unknown';

/** One option, or operand and where it stands in argv. */
export type Item =
  | {
      readonly kind: 'option';
      readonly name: string;
      readonly use: OptionUse;
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
    } else if (rules.words || argument.startsWith('--') || table.words.has(wordOf(argument))) {
      index += readLong(argv, index, table, items);
    } else {
      index += readBundle(argv, index, table, items);
    }
  }
  return items;
}

/** `apart`: how many words follow where no value is glued. */
interface Known {
  readonly use: OptionUse;
  readonly apart: number;
}

interface Table {
  readonly options: ReadonlyMap<string, Known>;
  readonly glues: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
  readonly rules: OptionRules;
}

const tables = new WeakMap<OptionRules, Table>();

function tableOf(rules: OptionRules): Table {
  const known = tables.get(rules);
  if (known !== undefined) return known;
  const names = new Set(listed(rules.names));
  const options = new Map<string, Known>();
  for (const [list, use, apart] of [
    [rules.glues, 'other', 0],
    [rules.takes, 'other', 1],
    [rules.keeps, 'other', 0],
    [rules.text, 'text', 1],
    [rules.dials, 'dials', 1],
    [rules.ports, 'port', 1],
    [rules.refuses, 'refused', 0],
  ] as const) {
    for (const name of listed(list)) options.set(name, { use, apart: names.has(name) ? 2 : apart });
  }
  const table: Table = {
    options,
    glues: new Set(listed(rules.glues)),
    words: new Set([...options.keys()].filter((name) => /^-[^-]./.test(name))),
    rules,
  };
  tables.set(rules, table);
  return table;
}

function listed(names: string | undefined): readonly string[] {
  return names === undefined ? [] : names.split(' ');
}

function wordOf(argument: string): string {
  const equals = argument.indexOf('=');
  return equals === -1 ? argument : argument.slice(0, equals);
}

/** @returns how many further arguments were read */
function readLong(argv: readonly string[], index: number, table: Table, items: Item[]): number {
  const argument = argv[index] ?? '';
  const written = wordOf(argument);
  const name = table.rules.words ? written.replace(/^--/, '-') : written;
  const known = table.options.get(name);
  if (argument.length === written.length && known !== undefined) {
    return readApart(argv, index, { name, ...known }, table, items);
  }
  const { use, apart, whole } = known === undefined ? begun(name, table) : { ...known, whole: name };
  if (argument.length > written.length) {
    const value = argument.slice(written.length + 1);
    items.push({ kind: 'option', name: whole, use: use === 'unknown' ? 'other' : use, value });
    return 0;
  }
  // a beginning, or an option of that very name: what follows is judged as its value, and read on as if it were not
  const value = apart === 0 ? undefined : argv[index + apart];
  if (use === 'refused' || value !== undefined) items.push({ kind: 'option', name: whole, use, value });
  items.push({ kind: 'option', name, use: 'unknown', value: undefined });
  return 0;
}

/** What a beginning stands for; where it may be several, the stricter reading counts. */
function begun(name: string, { options, rules }: Table): Known & { readonly whole: string } {
  const isBeginning = !rules.words && name.length > 2;
  const found = [...options].filter(([option]) => isBeginning && option.startsWith('--') && option.startsWith(name));
  const all = found.map(([, known]) => known);
  const apart = Math.max(0, ...all.map((known) => known.apart));
  const uses = new Set(all.map(({ use }) => use));
  const use = (['refused', 'dials', 'port'] as const).find((strict) => uses.has(strict));
  const whole = found.length === 1 ? found[0]?.[0] : undefined;
  return { whole: whole ?? name, use: use ?? (all.length === 0 ? 'unknown' : 'other'), apart };
}

function readBundle(argv: readonly string[], index: number, table: Table, items: Item[]): number {
  const argument = argv[index] ?? '';
  let unknown = false;
  for (let at = 1; at < argument.length; at++) {
    const name = `-${argument[at]}`;
    const { use, apart } = table.options.get(name) ?? { use: 'unknown', apart: 0 };
    const rest = argument.slice(at + 1);
    if (apart > 0 && rest === '') return readApart(argv, index, { name, use, apart }, table, items);
    const glued = apart > 0 || (rest !== '' && table.glues.has(name));
    items.push({ kind: 'option', name, use, value: glued ? rest : undefined });
    if (glued || use === 'refused') return 0;
    unknown ||= use === 'unknown';
  }
  // no letter is known to take a value: the rest may be one all the same
  items.push({ kind: 'option', name: argument, use: unknown ? 'unknown' : 'other', value: argument });
  return 0;
}

/** An option whose values, if it takes any, are words of their own. */
function readApart(
  argv: readonly string[],
  index: number,
  { name, use, apart }: Known & { readonly name: string },
  { rules }: Table,
  items: Item[],
): number {
  const value = apart === 0 ? undefined : argv[index + apart];
  items.push({ kind: 'option', name, use, value });
  // versions differ in which options take a value: one that is a refused option by itself counts as both
  if (use !== 'text' && value?.startsWith('-')) {
    items.push(...readOptions([value], 0, rules).filter((item) => item.kind === 'option' && item.use === 'refused'));
  }
  return apart;
}
