import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import type { Difference, ScenarioResult, TestRun } from '../../../flows/policy/test-policies.ts';
import { type PolicyCoverage, percentCovered, type Seen } from '../../../policy/coverage.ts';
import type { Scenario } from '../../../policy/scenario.ts';
import type { NamedPolicy } from '../../../policy/source.ts';
import type { Files } from '../../../store/files.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { PLAIN } from '../../color.ts';
import { command, gather, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { baselineOf, openCheckDesk } from '../../policies.ts';
import { explainInWords } from './explain.ts';

export function test(cli: Cli): Command {
  const verb = command('test')
    .summary('run scenarios against the policies')
    .description('Decide the requests of scenario files, and compare each answer with what the file expects.')
    .argument('<path...>', 'scenario files (YAML, JSON, JSON lines) and folders, or - for standard input')
    .option('--policies <path>', 'policies to test besides those of palyra.toml (repeatable)', gather, [])
    .option('--no-baseline', 'leave the baseline out')
    .option('--coverage', 'show which conditions were never seen true, or never false')
    .option('--threshold <percent>', 'exit 6 when less than this is covered')
    .option('--junit <file>', 'write the results as JUnit XML, too')
    .action(ending(cli, async (paths, options) => await testAll(cli, paths, options)));
  return worded(verb, {
    about: `A file is a list of scenarios, or {config, scenarios}:

  - name: an operator may run echo
    request: {principal: user:ops, action: tool.execute, resource: tool:palyra.echo, context: {channel: cli}}
    config: {allowlisted_tools: [palyra.echo]}
    expect: {decision: allow, matched_policies: [allow_allowlisted_tool_execute]}

  - name: who may read and who may purge
    request: {resource: memory:session}
    matrix:
      principal: [user:ops, user:bob]
      action: [memory.search, memory.purge]
    expect:
      user:bob: {memory.search: allow, memory.purge: approval_required}
      "*": {memory.purge: approval_required, "*": allow}

A request is that of palyra policy check, config that of a line of --batch --assume-config; without one, the configuration
in force decides. expect names keys of the JSON answer (decision, reason_code, approval_required, matched_policies,
missing_grants, facts …), or is a word: allow, deny or approval_required. A matrix spells out every combination; what is
expected goes by the first axis, then the next; a word stands for all below it, "*" for all others.

Coverage asks of each policy whether it was seen to apply and not to, and of each condition whether it was seen true and
false. It is that of your own policies, and of the baseline where you have none.`,
    examples: [
      {
        says: 'a scenario from the shell',
        command: `echo '[{name: a read, request: {principal: user:ops, action: tool.list, resource: any}, expect: allow}]' | palyra policy test -`,
      },
      {
        says: 'a matrix, with coverage',
        command: `echo '[{name: purge, request: {principal: user:ops, resource: any}, matrix: {action: [memory.get, memory.purge]}, expect: {memory.get: allow, memory.purge: approval_required}}]' > purge.yaml && palyra policy test purge.yaml --coverage --threshold 30`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'check_failed'],
  });
}

interface TestOptions {
  readonly policies: readonly string[];
  readonly baseline: boolean;
  readonly coverage?: true | undefined;
  readonly threshold?: string | undefined;
  readonly junit?: string | undefined;
}

async function testAll(cli: Cli, paths: readonly string[], options: TestOptions): Promise<ExitName> {
  const threshold = readThreshold(options.threshold);
  const { loadScenarios, testPolicies } = await import('../../../flows/policy/test-policies.ts');
  const files = await cli.world.files();
  const scenarios = await loadScenarios({ files }, paths);
  if (scenarios.length === 0) {
    throw new PalyraError('input.invalid', `no scenarios in ${paths.join(', ').slice(0, 200)}`, {
      hint: 'palyra policy test --help',
    });
  }
  refuseJunit(files, options.junit, scenarios);
  const desk = await openCheckDesk(cli, options.policies, { baseline: options.baseline });
  const isMeasured = options.coverage === true || threshold !== undefined;
  const watched = isMeasured ? ownPolicies(desk.inForce.policies, baselineOf(cli).shown) : [];
  const run = testPolicies(desk, scenarios, watched);
  if (options.junit !== undefined && !cli.options.dryRun) {
    const { junitXml } = await import('./junit.ts');
    const describe = (result: ScenarioResult): string => failureInWords(result, PLAIN).join('\n');
    files.replace(options.junit, junitXml(run.results, describe));
  }
  const percent = isMeasured ? percentCovered(run.coverage) : undefined;
  if (cli.output.json) cli.output.value(answerFrom(run, percent));
  else say(cli, run, options.coverage === true, { percent, threshold });
  const isCovered = percent === undefined || threshold === undefined || percent >= threshold;
  return isCovered && run.results.every(passed) ? 'ok' : 'check_failed';
}

/** Before anything is decided: a report must not take the place of the scenarios. */
function refuseJunit(files: Files, path: string | undefined, scenarios: readonly Scenario[]): void {
  if (path === '-') {
    throw new PalyraError('usage.invalid', '--junit writes a file, and standard output holds the answer', {
      hint: '--junit results.xml   (--json answers programs on standard output)',
    });
  }
  const own = path === undefined ? undefined : scenarios.find(({ file }) => files.isSame(file, path));
  if (own === undefined) return;
  throw new PalyraError('usage.invalid', `--junit would overwrite the scenarios of ${own.file}`, {
    hint: '--junit results.xml',
  });
}

function readThreshold(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^(100|[1-9]?[0-9])$/.test(text)) return Number(text);
  throw new PalyraError('usage.invalid', '--threshold is a whole number from 0 to 100', { hint: '--threshold 90' });
}

/** Whoever tests policies of their own does not test the baseline, too. */
function ownPolicies(policies: readonly NamedPolicy[], baseline: string): readonly NamedPolicy[] {
  const own = policies.filter(({ file }) => file !== baseline);
  return own.length === 0 ? policies : own;
}

function passed({ differences }: ScenarioResult): boolean {
  return differences.length === 0;
}

function answerFrom({ results, coverage }: TestRun, percent: number | undefined) {
  const failed = results.filter((result) => !passed(result)).length;
  return {
    schema: 'palyra.policy.test/1',
    passed: results.length - failed,
    failed,
    scenarios: results.map(({ scenario: { name, file, line }, differences }) => ({
      name,
      file,
      line,
      passed: differences.length === 0,
      differences,
    })),
    ...(percent === undefined
      ? {}
      : {
          coverage: {
            percent,
            policies: coverage.map(({ policy: { id, file, line }, applied, clauses }) => ({
              policy: id,
              file,
              line,
              applied: seenRecord(applied),
              clauses: clauses.map((clause) => ({ text: clause.text, ...seenRecord(clause) })),
            })),
          },
        }),
  };
}

function seenRecord({ isTrue, isFalse }: Seen) {
  return { seen_true: isTrue, seen_false: isFalse };
}

interface Measured {
  readonly percent: number | undefined;
  readonly threshold: number | undefined;
}

function say(
  { output }: Cli,
  { results, coverage }: TestRun,
  showsCoverage: boolean,
  { percent, threshold }: Measured,
): void {
  const { paint } = output;
  let file = '';
  for (const result of results) {
    if (result.scenario.file !== file) output.answer(paint.strong(printable(result.scenario.file)));
    file = result.scenario.file;
    const name = printable(result.scenario.name);
    if (passed(result)) output.answer(`  ${paint.good('✓')} ${name}`);
    else for (const line of failureInWords(result, paint)) output.answer(`  ${line}`.trimEnd());
  }
  if (showsCoverage)
    for (const policy of coverage) for (const line of coverageInWords(policy, paint)) output.answer(line);
  if (percent !== undefined) {
    const isShort = threshold !== undefined && percent < threshold;
    output.answer(
      `${isShort ? paint.bad('✗') : paint.good('✓')} ${percent} % covered${isShort ? `, ${threshold} % wanted` : ''}`,
    );
  }
  const failed = results.filter((result) => !passed(result)).length;
  const mark = failed > 0 ? paint.bad('✗') : paint.good('✓');
  output.answer(`${mark} ${count(results.length, 'scenario')}: ${results.length - failed} passed, ${failed} failed`);
}

function failureInWords({ scenario, differences, explained }: ScenarioResult, paint: Cli['output']['paint']): string[] {
  const width = Math.max(...differences.map(({ key }) => key.length));
  const why = explained === undefined ? [] : explainInWords(explained, paint, 'palyra.toml');
  return [
    `${paint.bad('✗')} ${printable(scenario.name)}   ${printable(scenario.file)}:${scenario.line}`,
    ...differences.map((difference) => `    ${differenceInWords(difference, width)}`),
    ...why.map((line) => (line === '' ? line : `      ${line}`)),
  ];
}

function differenceInWords({ key, expected, actual }: Difference, width: number): string {
  return `${printable(key).padEnd(width)}  expected ${shown(expected)}, got ${shown(actual)}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? printable(value) : printable(JSON.stringify(value) ?? 'nothing');
}

function coverageInWords({ policy, applied, clauses }: PolicyCoverage, paint: Cli['output']['paint']): string[] {
  const rows = [{ text: 'applies', ...applied }, ...clauses];
  const width = Math.min(60, Math.max(...rows.map(({ text }) => printable(text).length)));
  return [
    `${paint.strong(printable(policy.id))}   ${printable(policy.file)}:${policy.line}`,
    ...rows.map(({ text, isTrue, isFalse }) => {
      const mark = isTrue && isFalse ? paint.good('✓') : paint.bad('✗');
      const missing = isTrue ? (isFalse ? '' : 'never false') : isFalse ? 'never true' : 'never reached';
      return `  ${mark} ${printable(text).padEnd(width)}   ${missing}`.trimEnd();
    }),
  ];
}
