import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import { LINE_LIMIT } from '../../../flows/policy/check-batch.ts';
import type { ChangedCases, ComparedLine, DiffDesk } from '../../../flows/policy/diff-policies.ts';
import type { Change } from '../../../policy/difference.ts';
import type { Cedar } from '../../../policy/engine.ts';
import { evaluationConfigOf } from '../../../policy/facts.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { answerLines } from '../../lines.ts';
import { baselineOf, gateSchemaOf } from '../../policies.ts';
import { openProgress } from '../../progress.ts';

const SCHEMA = 'palyra.policy.diff/1';
const FAILING = ['widen', 'narrow', 'any'];

export function diff(cli: Cli): Command {
  const verb = command('diff')
    .summary('which requests two sets of policies answer differently')
    .description('Compare two sets of policies by what they decide: what would be allowed, and what no longer.')
    .argument('<old>', 'a .cedar file or a folder')
    .argument('<new>', 'the one that is to take its place')
    .option('--requests <file>', 'compare on these requests, one JSON object a line (- for standard input)')
    .option('--no-baseline', 'compare them without the baseline')
    .option('--fail-on <change>', 'exit 6 on such a change: widen, narrow or any')
    .action(ending(cli, async (old, next, options) => await compare(cli, [old, next], options)));
  return worded(verb, {
    about: `Widening is a deny that becomes an allow or can be approved, or an approval that is no longer asked; the other way
round is narrowing. Each change names the policies that made it: forbids that are new or gone, else permits.

With --requests every line is decided twice, in the configuration in force; a bad line is told of, and the exit
is 2. Without it, all requests that the policies can tell apart are compared: every known action with every
fact. Where policies look at more (principals, channels, tools, what an action is like …) the values that they name are
tried, some that their patterns match, some that they do not name, and none, and it is said that this is a sample.`,
    examples: [
      {
        says: 'does a new policy widen anything',
        command: `mkdir old new && touch old/none.cedar && echo 'permit (principal, action == Action::"attachment.upload", resource);' > new/upload.cedar && palyra policy diff old new`,
      },
      {
        says: 'on requests that were made',
        command: `echo '{"principal":"user:ops","action":"tool.list","resource":"any"}' | palyra policy diff old new --requests - --fail-on widen`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'check_failed'],
  });
}

interface DiffOptions {
  readonly requests?: string | undefined;
  readonly baseline: boolean;
  readonly failOn?: string | undefined;
}

/** How much was compared, and how much of it changes. */
interface Tally {
  requests: number;
  bad: number;
  widens: number;
  narrows: number;
}

async function compare(cli: Cli, paths: readonly string[], options: DiffOptions): Promise<ExitName> {
  const { failOn } = options;
  if (failOn !== undefined && !FAILING.includes(failOn)) {
    throw new PalyraError('usage.invalid', `--fail-on is one of ${FAILING.join(', ')}`, { hint: '--fail-on widen' });
  }
  const cedar = await cli.world.cedar({ throughput: true });
  const desk = await openDesk(cli, cedar, paths, options.baseline);
  const tally = { requests: 0, bad: 0, widens: 0, narrows: 0 };
  if (options.requests === undefined) await compareAll(cli, cedar, desk, tally);
  else await compareRequests(cli, desk, options.requests, tally);
  if (tally.bad > 0) return 'usage';
  const isFound = (failOn !== 'narrow' && tally.widens > 0) || (failOn !== 'widen' && tally.narrows > 0);
  return failOn !== undefined && isFound ? 'check_failed' : 'ok';
}

async function openDesk(cli: Cli, cedar: Cedar, paths: readonly string[], baseline: boolean): Promise<DiffDesk> {
  const { openPolicies } = await import('../../../flows/policy/open-policies.ts');
  const [files, config] = await Promise.all([cli.world.files(), cli.config()]);
  const [before, after] = paths.map((path, i) => {
    const places = { baseline: baseline ? baselineOf(cli) : undefined, given: [path], configured: [] };
    return openPolicies({ files, cedar }, places, `side ${i}`);
  });
  if (before === undefined || after === undefined) throw new Error('two sides are compared');
  return { before, after, config: evaluationConfigOf(config.settings) };
}

async function compareRequests(cli: Cli, desk: DiffDesk, path: string, tally: Tally): Promise<void> {
  const { compareLine } = await import('../../../flows/policy/diff-policies.ts');
  const items: unknown[] = [];
  await answerLines(cli, path, LINE_LIMIT, (line, number) => {
    tally.requests++;
    try {
      if (typeof line !== 'string') throw line;
      const compared = compareLine(desk, line);
      if (compared.change === undefined) return '';
      tally[compared.change.kind]++;
      if (!cli.output.json) return lineInWords(cli, compared, number);
      items.push(lineRecord(compared, number));
      return '';
    } catch (error) {
      if (!(error instanceof PalyraError)) throw error;
      tally.bad++;
      const { code, message, why, hint } = error;
      if (cli.output.json) items.push({ line: number, error: { code, message, why, hint } });
      else cli.output.warn(`line ${number}: ${message}`);
      return '';
    }
  });
  if (cli.output.json) cli.output.value({ schema: SCHEMA, items, count: items.length, ...tally });
  else cli.output.note(tallyInWords(tally, count(tally.requests, 'request')));
}

function lineRecord({ id, request, change }: ComparedLine, line: number) {
  const { principal, action, resource } = request;
  return {
    ...(id === undefined ? {} : { id }),
    line,
    request: { principal, action, resource },
    ...change,
  };
}

function lineInWords(cli: Cli, { request, change }: ComparedLine, line: number): string {
  if (change === undefined) return '';
  const asked = [request.principal, request.action, request.resource].map((text) => printable(text)).join(' ');
  return `${changeInWords(cli, change)}   line ${line}: ${asked}   ${byWhom(change)}`;
}

async function compareAll(cli: Cli, cedar: Cedar, desk: DiffDesk, tally: Tally): Promise<void> {
  const { compareSpace } = await import('../../../flows/policy/diff-policies.ts');
  const { actionsOf } = await import('../../../policy/cedar-schema.ts');
  const files = await cli.world.files();
  const schema = files.readText(gateSchemaOf(cli), { bytes: 1024 * 1024, what: 'schema file' });
  const progress = openProgress(
    cli,
    (done, seconds) => `${count(done, 'request')}, ${Math.round(done / seconds)} a second`,
  );
  const { cases, sampled, changes } = compareSpace(cedar, desk, actionsOf(cedar, schema), progress.show);
  progress.end();
  tally.requests = cases;
  for (const kind of ['widens', 'narrows'] as const) {
    const own = changes.filter((change) => change.kind === kind);
    tally[kind] = own.reduce((sum, change) => sum + change.cases, 0);
    if (!cli.output.json) for (const change of own) cli.output.answer(casesInWords(cli, change, sampled));
  }
  if (cli.output.json) {
    const items = changes.map(casesRecord);
    const exhaustive = sampled.length === 0;
    cli.output.value({ schema: SCHEMA, items, count: items.length, ...tally, exhaustive, sampled });
    return;
  }
  const how =
    sampled.length === 0 ? 'all there are' : `a sample: the policies also look at ${sampled.map(inWords).join(', ')}`;
  cli.output.note(tallyInWords(tally, `${count(cases, 'request')} (${how})`));
}

function inWords(part: string): string {
  return part === 'action' ? 'more of action than its name' : part;
}

function casesRecord({ kind, action, before, after, policies, cases, example }: ChangedCases) {
  return { kind, action, before, after, policies, cases, example };
}

function casesInWords(cli: Cli, change: ChangedCases, sampled: readonly string[]): string {
  const named = Object.entries(change.example)
    .filter(([part, value]) => sampled.includes(part) && value !== '')
    .map(([part, value]) => `${part} ${printable(String(value))}`);
  const example = named.length === 0 ? '' : `, e.g. ${named.join(', ')}`;
  return `${changeInWords(cli, change)}   ${printable(change.action)}   ${byWhom(change)}   ${count(change.cases, 'request')}${example}`;
}

function changeInWords({ output: { paint } }: Cli, { kind, before, after }: Change): string {
  return `${kind === 'widens' ? paint.bad('widens ') : paint.caution('narrows')}   ${before} → ${after}`;
}

function byWhom({ policies }: Change): string {
  return policies.length === 0 ? 'by a failure' : `by ${policies.map((id) => printable(id)).join(', ')}`;
}

function tallyInWords({ widens, narrows, bad }: Tally, compared: string): string {
  const changes = widens + narrows === 0 ? 'nothing changes' : `${widens} widen, ${narrows} narrow`;
  return `${changes}; ${compared} compared${bad > 0 ? `; ${count(bad, 'bad line')}` : ''}`;
}
