import type { Command } from 'commander';
import type { EffectiveConfig } from '../../config/effective.ts';
import type { Finding } from '../../finding.ts';
import type { Desk } from '../../flows/act.ts';
import type { DiagnosisDesk } from '../../flows/diagnose.ts';
import type { Validation } from '../../flows/policy/validate-policies.ts';
import { count, printable } from '../../text.ts';
import { type Cli, configPath, ending, openDesk, shownPath, stateRoot } from '../cli.ts';
import { command, worded } from '../command.ts';
import type { ExitName } from '../exits.ts';
import type { Output } from '../output.ts';
import { baselineOf, gateSchemaOf } from '../policies.ts';

export function doctor(cli: Cli): Command {
  const verb = command('doctor')
    .summary('find what is wrong with the state, the configuration and this machine')
    .description('Find what is wrong with the state, the configuration and this machine, and say how it is repaired.')
    .option('--fix', 'repair what is safe to repair')
    .action(ending(cli, async ({ fix }) => await examine(cli, fix === true)));
  return worded(verb, {
    about: `Looks at owners, modes and links of all files of the state, the lock and who holds it, what crashes left, the shape
of the registry, the chain of the journal and whether both agree, flags, workspaces, members, invitations and tokens,
the inputs of live approvals, the configuration and its policies, Node, flock, and by trying, bubblewrap. Without --fix
nothing is written.

--fix takes from others what they may do to the files, finishes or removes what a crash left, adds missing flags (off),
binds workspaces, and removes memberships and invitations to workspaces that are gone, and memberships that are there
twice. Where a command ran when palyra was killed, it puts aside what programs obey. It never gives a right; what is
damaged or ambiguous is left to you, with the command. Exit 6 while something is wrong; what is marked ! is only worth
knowing.`,
    examples: [
      { says: 'look', command: 'palyra doctor' },
      { says: 'see what would be repaired', command: 'palyra doctor --fix --dry-run' },
    ],
    exits: ['ok', 'usage', 'forbidden', 'check_failed', 'busy', 'deny', 'unsafe_state'],
  });
}

async function examine(cli: Cli, fix: boolean): Promise<ExitName> {
  const { world, options, output } = cli;
  const { diagnose } = await import('../../flows/diagnose.ts');
  const root = stateRoot(cli);
  const state = await world.stateInspector(root);
  const desk = {
    store: await cli.store(),
    state,
    runs: await world.openRuns(root),
    machine: await world.machineInspector(),
    config: cli.config,
    validate: (config: EffectiveConfig) => validateConfigured(cli, config),
    configPath: configPath(cli),
    clock: world.clock,
  };
  const before = await diagnose(desk);
  const isToRepair = fix && before.some(({ isFixable }) => isFixable);
  const after = isToRepair && !options.dryRun ? await repair() : before;
  const repaired = before.filter(
    (one) => one.isFixable && !after.some(({ code, what }) => code === one.code && what === one.what),
  );
  const isWell = !after.some(({ isWrong }) => isWrong);
  if (output.json) {
    output.value({
      schema: 'palyra.doctor/1',
      ok: isWell,
      state_root: root,
      findings: after.map(record),
      repaired: repaired.map(record),
      changed: repaired.length > 0,
    });
  } else {
    for (const one of repaired) output.answer(`${output.paint.good('✓')} repaired: ${printable(one.what)}`);
    for (const one of after) sayFinding(output, one, isToRepair && options.dryRun);
    sayVerdict(output, after, printable(shownPath(world, root)));
    if (!state.isThere()) output.note('there is no state yet: the first command that changes something makes it');
    const fixable = after.filter(({ isFixable }) => isFixable).length;
    const toRepair = after.filter(({ isFixable, isWrong }) => isFixable || isWrong).length;
    if (fixable > 0 && !fix) output.note(`palyra doctor --fix   repairs ${fixable} of ${toRepair}`);
  }
  return isWell ? 'ok' : 'check_failed';

  async function repair(): Promise<readonly Finding[]> {
    const { repairState } = await import('../../flows/repair-state.ts');
    const stopped = await repairState(await openDesk(cli), { state });
    if (stopped === undefined && before.some(({ code }) => code.startsWith('run.'))) await finishRuns(cli, desk);
    const left = await diagnose(desk);
    // whatever stopped it is wrong, even where looking alone does not find it
    return stopped === undefined || left.some(({ isWrong }) => isWrong) ? left : [...left, stopped];
  }
}

async function validateConfigured(cli: Cli, { policyPaths }: EffectiveConfig): Promise<Validation> {
  const { validatePolicies } = await import('../../flows/policy/validate-policies.ts');
  const [files, cedar] = await Promise.all([cli.world.files(), cli.world.cedar()]);
  const places = { paths: [], configured: policyPaths, baseline: baselineOf(cli), gateSchema: gateSchemaOf(cli) };
  return validatePolicies({ files, cedar }, { ...places, schema: undefined });
}

/** What commands left whose palyra was killed is put aside, and said. */
async function finishRuns(cli: Cli, { store, runs }: Pick<DiagnosisDesk, 'runs'> & Pick<Desk, 'store'>): Promise<void> {
  const [{ allLostRuns }, { finishLostRuns, sayPutAside }] = await Promise.all([
    import('../../flows/lost-runs.ts'),
    import('../lost-runs.ts'),
  ]);
  for (const finished of await finishLostRuns(cli, await allLostRuns(store, runs))) sayPutAside(cli, finished);
}

function record({ code, isWrong, what, why, remedy, isFixable }: Finding) {
  return { code, wrong: isWrong, what, why, remedy, fixable: isFixable };
}

function sayFinding({ answer, paint }: Output, finding: Finding, wouldRepair: boolean): void {
  const { isWrong, what, why, remedy, isFixable } = finding;
  answer(`${isWrong ? paint.bad('✗') : paint.caution('!')} ${printable(what)}`);
  answer(`  ${paint.faint('why')}     ${printable(why)}`);
  answer(`  ${paint.faint('remedy')}  ${wouldRepair && isFixable ? 'would be repaired now' : printable(remedy)}`);
}

function sayVerdict({ answer, paint }: Output, findings: readonly Finding[], root: string): void {
  const wrong = findings.filter(({ isWrong }) => isWrong).length;
  const toKnow = findings.length - wrong;
  const known = toKnow === 0 ? '' : `, ${count(toKnow, 'thing')} to know`;
  if (wrong === 0) answer(`${paint.good('✓')} nothing is wrong${known}   ${root}`);
  else answer(`${paint.bad('✗')} ${count(wrong, 'thing is', 'things are')} wrong${known}   ${root}`);
}
