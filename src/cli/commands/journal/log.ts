import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import type { JournalFilter } from '../../../flows/read-journal.ts';
import type { Entry } from '../../../journal/entry.ts';
import { ENTRY_GROUPS, ENTRY_KINDS } from '../../../journal/kind.ts';
import { didYouMean } from '../../../text.ts';
import { parseMoment, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { drained } from '../../output.ts';
import { noteKindless } from '../../principal.ts';
import { type FixedColumn, openRows } from '../../table.ts';

export function log(cli: Cli): Command {
  const verb = command('log')
    .summary('show what happened, newest last')
    .description('Show what happened, newest last: who did what, when.')
    .option('-f, --follow', 'go on showing entries as they come, until Ctrl-C')
    .option('--since <when>', 'from then on: so long ago (15m, 12h, 30d), or a time like 2026-12-22T18:00:00Z')
    .option('--until <when>', 'before then')
    .option('--kind <kind>', 'only this kind, e.g. gate.deny, or gate for all of them')
    .option('--principal <principal>', 'only what this principal did, or what was done for it')
    .action(ending(cli, async (options) => await sayEntries(cli, options)));
  return worded(verb, {
    about: `Lists are TSV in a pipe: number, time, who, kind, and the payload as JSON. With --json a list is one object; with
--follow each entry is an object on its own line. Entries are shown as they stand; palyra journal verify tells whether
they are as they were written.

Why a call was denied stands in gate.deny, why a command was not run in exec.refuse, and why an approval could not be
used in approval.refuse, each with its reason_codes. The kinds are:

${kindLines()}`,
    examples: [
      { says: 'why calls were denied', command: 'palyra journal log --kind gate.deny' },
      { says: 'what happened in the last hour', command: 'palyra journal log --since 1h' },
      { says: 'every change of a token, for a program', command: 'palyra journal log --kind token --json' },
    ],
    exits: ['ok', 'usage', 'unsafe_state', 'interrupted', 'terminated'],
  });
}

/** `  token      mint, refuse, revoke`. */
function kindLines(): string {
  const verbsOf = (group: string) =>
    ENTRY_KINDS.filter((kind) => kind.startsWith(`${group}.`)).map((kind) => kind.slice(group.length + 1));
  return ENTRY_GROUPS.map((group) => `  ${group.padEnd(9)}  ${verbsOf(group).join(', ')}`).join('\n');
}

interface LogOptions {
  readonly follow?: true | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly kind?: string | undefined;
  readonly principal?: string | undefined;
}

async function sayEntries(cli: Cli, options: LogOptions): Promise<ExitName> {
  const { output, world } = cli;
  const filter = filterFrom(options, world.clock());
  noteKindless(cli, options.principal);
  const { readJournal } = await import('../../../flows/read-journal.ts');
  const store = await cli.store();
  if (output.json && options.follow === undefined) {
    const items: unknown[] = [];
    for await (const entry of readJournal(store, filter)) items.push(record(entry));
    output.value({ schema: SCHEMA, items, count: items.length });
    return 'ok';
  }
  const say = output.json
    ? (entry: Entry) => output.value({ schema: SCHEMA, ...record(entry) })
    : openRows(output, COLUMNS);
  const interruption = options.follow === undefined ? undefined : world.interruption();
  let isEmpty = true;
  for await (const entry of readJournal(store, filter, interruption)) {
    if (world.stdout.destroyed) throw new PalyraError('output.closed', 'nobody reads the entries any more');
    say(entry);
    isEmpty = false;
    if (world.stdout.writableNeedDrain) await drained(world.stdout);
  }
  if (interruption !== undefined) return interruption.reason;
  if (isEmpty && output.isTerminal) output.note('no such entry');
  return 'ok';
}

const SCHEMA = 'palyra.journal.log/1';

const COLUMNS: readonly FixedColumn<Entry>[] = [
  { heading: 'entry', width: 5, cell: ({ seq }) => String(seq) },
  { heading: 'time', width: 20, cell: ({ body }) => rfc3339(body.time_unix_ms).replace(/\.\d+/, ''), value: timeOf },
  { heading: 'who', width: 16, cell: whoOf },
  { heading: 'kind', width: 16, cell: ({ body }) => body.kind },
  { heading: 'what', width: 0, cell: whatOf, value: ({ body }) => JSON.stringify(body.payload) },
];

function filterFrom({ since, until, kind, principal }: LogOptions, now: number): JournalFilter {
  const moment = (text: string | undefined, name: string) =>
    text === undefined ? null : parseMoment(text, now, name, -1);
  const sinceUnixMs = moment(since, '--since');
  const untilUnixMs = moment(until, '--until');
  return {
    ...(sinceUnixMs === null ? {} : { sinceUnixMs }),
    ...(untilUnixMs === null ? {} : { untilUnixMs }),
    ...(kind === undefined ? {} : { kind: readKind(kind) }),
    ...(principal === undefined ? {} : { principal }),
  };
}

/** @throws PalyraError usage.unknown: what no entry can be is no empty list */
function readKind(given: string): string {
  const names = [...ENTRY_KINDS, ...ENTRY_GROUPS];
  if (names.some((name) => name === given)) return given;
  throw new PalyraError('usage.unknown', `unknown kind ${given.slice(0, 40)}`, {
    why: `the kinds are\n${kindLines()}`,
    hint: didYouMean(given, names, 'palyra journal log --help'),
  });
}

function record({ hash, body }: Entry) {
  return { ...body, time: rfc3339(body.time_unix_ms), sha256: hash };
}

function timeOf({ body }: Entry): string {
  return rfc3339(body.time_unix_ms);
}

function whoOf({ body: { actor } }: Entry): string {
  return typeof actor.as === 'string' ? `${actor.principal} as ${actor.as}` : actor.principal;
}

/** `label=ci-compat scopes=compat.chat.create`: what a person looks for, the likeliest first; a pipe has it whole. */
function whatOf({ body: { payload } }: Entry): string {
  return fieldsOf(payload)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .sort(([a], [b]) => placeOf(a) - placeOf(b))
    .map(([key, value]) => `${key}=${inWords(value)}`)
    .join(' ');
}

/** The fields of a record and of the records in it, as of one. */
function fieldsOf(payload: object): [string, unknown][] {
  return Object.entries(payload).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? fieldsOf(value) : [[key, value]],
  );
}

/** How it ended and why, then who and what; the line is cut from the right, so ids, hashes and times are last. */
function placeOf(key: string): number {
  const place = FIRST.indexOf(key);
  if (place >= 0) return place;
  return /(_ids?|sha256|_hash|_unix_ms|_json)$/.test(key) ? FIRST.length + 1 : FIRST.length;
}

const FIRST = [
  ...['reason_codes', 'reason_code', 'reason', 'outcome', 'decision', 'decision_reason'],
  ...['principal', 'action', 'resource', 'subject_id', 'argv', 'label', 'key'],
];

function inWords(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return value.map(inWords).join(',');
  return JSON.stringify(value);
}
