import type { Command } from 'commander';
import { PalyraError, systemCode } from '../errors.ts';
import { unknownOption } from './arguments.ts';
import { openPaint, PLAIN, wantsColor } from './color.ts';
import { pathOf } from './command.ts';
import { ERROR_EXIT, type ExitName } from './exits.ts';
import { sayError } from './output.ts';
import type { World } from './world.ts';

/**
 * Turn whatever was thrown into the error that a person can act on, say it, and name the exit.
 * @param program the command tree; undefined if it broke before there was one
 */
export async function sayFailure(world: World, thrown: unknown, program: Command | undefined): Promise<ExitName> {
  if (isHelpOrVersion(thrown)) return 'ok';
  const beforeCommand = world.argv.includes('--') ? world.argv.slice(0, world.argv.indexOf('--')) : world.argv;
  const json = beforeCommand.includes('--json');
  const error = thrown instanceof PalyraError ? thrown : (explain(world.argv, thrown, program) ?? bug(thrown));
  const exit = ERROR_EXIT[error.code];
  if (error.code === 'output.closed') return exit;
  const paint = json ? PLAIN : await openPaint(wantsColor('auto', world.env, world.stderr.isTTY));
  sayError(world.stderr, error, exit, json, paint);
  // the one way to see a stack: never by default, for it may hold values
  if (world.env.PALYRA_DEBUG === '1' && thrown instanceof Error) world.stderr.write(`${thrown.stack ?? ''}\n`);
  return exit;
}

function isHelpOrVersion(thrown: unknown): boolean {
  return ['commander.version', 'commander.helpDisplayed', 'commander.help'].includes(systemCode(thrown) ?? '');
}

/** Commander's own refusals, in our words; undefined for a bug. */
function explain(argv: readonly string[], thrown: unknown, program: Command | undefined): PalyraError | undefined {
  const code = systemCode(thrown);
  if (!(thrown instanceof Error) || code === undefined || !code.startsWith('commander.') || program === undefined)
    return undefined;
  const subject = subjectOf(program, argv);
  const said = thrown.message.replace(/^error: /, '');
  if (code === 'commander.unknownOption') return unknownOption(/'([^']*)'/.exec(said)?.[1] ?? '', subject);
  return new PalyraError('usage.invalid', said, { hint: `${pathOf(subject).join(' ')} --help` });
}

/** The command that the arguments reach. */
function subjectOf(program: Command, argv: readonly string[]): Command {
  let subject = program;
  for (const argument of argv) {
    const child = subject.commands.find((command) => command.name() === argument);
    if (child !== undefined) subject = child;
  }
  return subject;
}

function bug(thrown: unknown): PalyraError {
  // a home that is a file, no descriptors left: the system's no to something that nothing else expects it to refuse
  if (thrown instanceof Error && 'syscall' in thrown) {
    return new PalyraError('store.unsafe', 'the system refuses what palyra needs', { why: thrown.message });
  }
  return new PalyraError('bug', 'palyra failed: this is a bug', {
    why: thrown instanceof Error ? thrown.name : 'something was thrown',
    hint: 'PALYRA_DEBUG=1 shows where; please report it',
  });
}
