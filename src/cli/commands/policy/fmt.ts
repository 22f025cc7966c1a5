import type { Command } from 'commander';
import type { FormattedFile } from '../../../flows/policy/format-policies.ts';
import { diffLines } from '../../../line-diff.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { openProgress } from '../../progress.ts';

export function fmt(cli: Cli): Command {
  const verb = command('fmt')
    .summary('format policy files')
    .description('Format policy files as Cedar does, 80 columns wide. Comments stay.')
    .argument('<path...>', 'files and folders, or - for standard input')
    .option('--check', 'write nothing: show what would change, and exit 6 if anything would')
    .action(ending(cli, async (paths, { check = false }) => await format(cli, paths, check)));
  return worded(verb, {
    about: `The files that changed are listed. Each is replaced at once and keeps its mode; if any file cannot be parsed, none is
touched. What comes from standard input goes to standard output.`,
    examples: [
      {
        says: 'from an editor',
        command: `echo 'permit(principal, action == Action::"tool.list", resource);' | palyra policy fmt -`,
      },
      {
        says: 'a folder',
        command: `mkdir team && echo 'forbid(principal,action,resource);' > team/a.cedar && palyra policy fmt team`,
      },
      { says: 'in CI', command: 'palyra policy fmt --check team' },
    ],
    exits: ['ok', 'usage', 'not_found', 'check_failed', 'unsafe_state'],
  });
}

async function format(cli: Cli, paths: readonly string[], check: boolean): Promise<ExitName> {
  const { applyFormat, planFormat } = await import('../../../flows/policy/format-policies.ts');
  const [files, cedar] = await Promise.all([cli.world.files(), cli.world.cedar()]);
  const progress = openProgress(
    cli,
    (done, seconds) => `${count(done, 'file')}, ${Math.round(done / seconds)} a second`,
  );
  const plan = planFormat({ files, cedar }, paths, progress.show);
  progress.end();
  const changing = plan.filter(({ before, after }) => after !== before);
  const toWrite = check || cli.options.dryRun ? [] : changing.filter(({ path }) => path !== '-');
  applyFormat({ files }, toWrite);
  if (cli.output.json) {
    const items = plan.map((file) => recordOf(file, toWrite));
    cli.output.value({ schema: 'palyra.policy.fmt/1', items, count: items.length, changed: toWrite.length > 0 });
  } else say(cli, { plan, changing, check });
  return check && changing.length > 0 ? 'check_failed' : 'ok';
}

function recordOf(file: FormattedFile, written: readonly FormattedFile[]) {
  const { path, before, after } = file;
  return {
    path,
    formatted: before === after,
    changed: written.includes(file),
    would_change: before !== after && !written.includes(file) && path !== '-',
    ...(path === '-' ? { text: after } : {}),
  };
}

interface Said {
  readonly plan: readonly FormattedFile[];
  readonly changing: readonly FormattedFile[];
  readonly check: boolean;
}

function say(cli: Cli, { plan, changing, check }: Said): void {
  const { output, world, options } = cli;
  if (check) for (const file of changing) for (const line of diffInWords(cli, file)) output.answer(line);
  else {
    for (const { path, after } of plan) if (path === '-') world.stdout.write(after);
    for (const { path } of changing) if (path !== '-') output.answer(printable(path));
  }
  if (check && changing.length > 0) {
    output.note(`${count(changing.length, 'file')} of ${plan.length} not formatted; palyra policy fmt writes them`);
  } else if (options.dryRun && changing.length > 0) output.note(`${count(changing.length, 'file')} would change`);
}

function diffInWords({ output: { paint } }: Cli, { path, before, after }: FormattedFile): string[] {
  const paints = { ' ': paint.faint, '-': paint.bad, '+': paint.good };
  const name = path === '-' ? 'standard input' : printable(path);
  const hunks = diffLines(before, after).map((hunk) =>
    hunk.map(({ sign, text }) => paints[sign](`${sign} ${printable(text)}`.trimEnd())),
  );
  return [paint.strong(name), ...hunks.flatMap((lines, i) => (i === 0 ? lines : ['  ⋮', ...lines]))];
}
