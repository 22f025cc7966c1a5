import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError, systemCode } from '../errors.ts';
import { holdsSecret } from '../ids.ts';
import { nearest } from '../text.ts';
import { type Cli, type GlobalOptions, openConfig, openStore } from './cli.ts';
import { openPaint, PLAIN, wantsColor } from './color.ts';
import { pathOf } from './command.ts';
import { ERROR_EXIT, EXITS, type Exit, type ExitName, exitCodeOf } from './exits.ts';
import { type Output, openOutput, sayError } from './output.ts';
import { buildProgram, NOUNS, nounOf, spellOut } from './program.ts';
import { openWorld, type World } from './world.ts';

/** Run the command line of this process and set its exit code. */
export async function main(): Promise<void> {
  const world = openWorld();
  const written = watchStreams(world);
  const exit = await runCommandLine(world);
  process.exitCode = exitCodeOf(written.failed ? 'failure' : exit);
}

/** Read the arguments, do the one thing they name, say how it ended. Never throws, but for a bug with PALYRA_DEBUG=1. */
export async function runCommandLine(world: World): Promise<Exit> {
  const cli = newCli(world);
  try {
    refuseSecrets(world.argv);
    const noun = nounOf(world.argv);
    await refuseForeignBytes(world, noun);
    const program = await buildProgram(cli, versionOf(world), noun);
    program.hook('preAction', async (_, subject) => await openCli(cli, subject.optsWithGlobals()));
    if (noun === undefined && !asksForVersion(world.argv)) return sayOverview(world, program);
    refuseUnknownNames(program, world.argv, noun);
    await program.parseAsync(spellOut(world.argv), { from: 'user' });
    return cli.exit;
  } catch (error) {
    return await sayFailure(world, error);
  }
}

/** Before anything can echo it: a secret among the arguments is known to every process on the machine. */
function refuseSecrets(argv: readonly string[]): void {
  if (!argv.some(holdsSecret)) return;
  throw new PalyraError('usage.secret_argument', 'a secret on the command line is refused', {
    why: 'arguments are readable by other processes and stay in the shell history',
    hint: 'palyra tokens verify < FILE   reads one; if it is real, rotate it',
  });
}

/** Two principals that differ in a byte that is no UTF-8 would become one. */
async function refuseForeignBytes(world: World, noun: string | undefined): Promise<void> {
  // exec refuses them itself, and journals it
  if (
    noun === 'exec' ||
    !world.argv.some((argument) => argument.includes('\ufffd')) ||
    (await world.argumentsAreUtf8())
  )
    return;
  throw new PalyraError('usage.invalid', 'an argument is not UTF-8', {
    why: 'Node reads other bytes as \\ufffd, so that two of them would be one',
  });
}

type OpenCli = { -readonly [K in keyof Cli]: Cli[K] };

/** Options and output are there once the arguments are read; no verb runs before. */
function newCli(world: World): OpenCli {
  const early = (): never => {
    throw new Error('the command line has not been read yet');
  };
  return {
    world,
    exit: 'ok',
    get options(): GlobalOptions {
      return early();
    },
    get output(): Output {
      return early();
    },
    config: early,
    store: early,
  };
}

async function openCli(cli: OpenCli, given: Record<string, unknown>): Promise<void> {
  const { world } = cli;
  if (world.cwd === '') {
    throw new PalyraError('usage.invalid', 'the working folder is gone', {
      why: 'it was removed or replaced since your shell went there',
      hint: 'cd .   or go to another folder',
    });
  }
  const color = given.color;
  if (color !== 'auto' && color !== 'always' && color !== 'never') {
    throw new PalyraError('usage.invalid', `--color is auto, always or never, not ${String(color)}`);
  }
  for (const [name, value] of [
    ['--state-root', given.stateRoot],
    ['--config', given.config],
    ['--as', given.as],
  ]) {
    if (value === '') throw new PalyraError('usage.invalid', `${name} is empty`, { hint: 'palyra --help' });
  }
  const options: GlobalOptions = {
    stateRoot: text(given.stateRoot),
    config: text(given.config),
    as: text(given.as) ?? (world.env.PALYRA_PRINCIPAL || undefined),
    json: given.json === true,
    dryRun: given.dryRun === true,
    yes: given.yes === true,
    input: given.input !== false,
    reason: text(given.reason),
    quiet: given.quiet === true,
    verbose: given.verbose === true,
    color,
  };
  const output = openOutput(world.stdout, world.stderr, {
    json: options.json,
    quiet: options.quiet,
    verbose: options.verbose,
    paint: await openPaint(!options.json && wantsColor(color, world.env, world.stdout.isTTY)),
    errPaint: await openPaint(wantsColor(color, world.env, world.stderr.isTTY)),
  });
  let config: Promise<EffectiveConfig> | undefined;
  Object.defineProperties(cli, { options: { value: options }, output: { value: output } });
  cli.config = () => {
    config ??= openConfig({ world, options }, output.warn);
    return config;
  };
  let store: ReturnType<Cli['store']> | undefined;
  cli.store = () => {
    store ??= openStore({ world, options }, output);
    return store;
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `palyra` alone, `palyra --help`. */
function sayOverview(world: World, program: Command): ExitName {
  const asked = world.argv.some((argument) => argument === '-h' || argument === '--help');
  const unknown = world.argv.find((argument) => argument.startsWith('-') && !isRootOption(program, argument));
  if (unknown !== undefined) throw unknownOption(unknown, program);
  (asked ? world.stdout : world.stderr).write(program.helpInformation());
  return asked ? 'ok' : 'usage';
}

function isRootOption(program: Command, argument: string): boolean {
  const [flag] = argument.split('=');
  return (
    argument === '-h' ||
    argument === '--help' ||
    program.options.some(({ short, long }) => flag === short || flag === long)
  );
}

function asksForVersion(argv: readonly string[]): boolean {
  return argv.includes('--version');
}

/** Commander would say "too many arguments" or show help: name the nearest noun or verb instead. */
function refuseUnknownNames(program: Command, argv: readonly string[], noun: string | undefined): void {
  if (noun === undefined) return;
  const found = program.commands.find((command) => command.name() === noun);
  if (found === undefined) throw unknownName('command', noun, Object.keys(NOUNS), 'palyra --help');
  if (found.commands.length === 0) return;
  const rest = argv.slice(argv.indexOf(noun) + 1);
  const verb = rest.find((argument) => !argument.startsWith('-'));
  const verbs = found.commands.map((command) => command.name());
  if (verb !== undefined && !verbs.includes(verb))
    throw unknownName(`verb of ${noun}`, verb, verbs, `palyra ${noun} --help`);
}

function unknownName(kind: string, name: string, names: readonly string[], listing: string): PalyraError {
  const [near] = nearest(name, names);
  return new PalyraError('usage.unknown', `unknown ${kind}: ${name.slice(0, 60)}`, {
    hint: near === undefined ? listing : `did you mean ${near}?   ${listing}`,
  });
}

function unknownOption(flag: string, subject: Command): PalyraError {
  const known = [subject, ...ancestors(subject)].flatMap((command) =>
    command.options.map((option) => option.long ?? ''),
  );
  const [near] = nearest(flag.split('=')[0] ?? flag, known);
  const takesCommand = subject.registeredArguments.some((argument) => argument.name() === 'command');
  const dashes = takesCommand && near === undefined ? 'a command comes after --   ' : '';
  const page = `${pathOf(subject).join(' ')} --help`;
  return new PalyraError('usage.unknown', `unknown option: ${(flag.split('=')[0] ?? '').slice(0, 60)}`, {
    hint: near === undefined ? dashes + page : `did you mean ${near}?   ${page}`,
  });
}

function ancestors(command: Command): Command[] {
  const found: Command[] = [];
  for (let parent = command.parent; parent !== null; parent = parent.parent) found.push(parent);
  return found;
}

/** Turn whatever was thrown into the error that a person can act on, say it, and name the exit. */
async function sayFailure(world: World, thrown: unknown): Promise<ExitName> {
  if (isHelpOrVersion(thrown)) return 'ok';
  const beforeCommand = world.argv.includes('--') ? world.argv.slice(0, world.argv.indexOf('--')) : world.argv;
  const json = beforeCommand.includes('--json');
  const error = thrown instanceof PalyraError ? thrown : ((await explain(world, thrown)) ?? bug(thrown));
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
async function explain(world: World, thrown: unknown): Promise<PalyraError | undefined> {
  const code = systemCode(thrown);
  if (!(thrown instanceof Error) || code === undefined || !code.startsWith('commander.')) return undefined;
  const program = await buildProgram(newCli(world), versionOf(world), nounOf(world.argv));
  const subject = subjectOf(program, world.argv);
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
  return new PalyraError('bug', 'palyra failed: this is a bug', {
    why: thrown instanceof Error ? thrown.name : 'something was thrown',
    hint: 'PALYRA_DEBUG=1 shows where; please report it',
  });
}

function versionOf(world: World): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(world.packageFolder, 'package.json'), 'utf8'));
  return manifest.version;
}

/**
 * Whoever reads us may stop reading (head, less): no error, and the command goes on to its own exit code, for a deny must
 * not become a 0 because nobody read it. Any other failure to write (a full disk) is told, and is never an answer.
 */
function watchStreams(world: World): { failed: boolean } {
  const written = { failed: false };
  world.stdout.on('error', (error) => {
    if (systemCode(error) === 'EPIPE' || written.failed) return;
    written.failed = true;
    process.exitCode = EXITS.failure.code;
    const why = `the system says ${systemCode(error) ?? 'nothing'}`;
    sayError(
      world.stderr,
      new PalyraError('output.failed', 'standard output cannot be written', { why }),
      'failure',
      false,
      PLAIN,
    );
  });
  world.stderr.on('error', () => {});
  return written;
}
