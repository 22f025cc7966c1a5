import type { Command } from 'commander';
import { PalyraError } from '../errors.ts';
import { holdsSecret } from '../ids.ts';
import { didYouMean, nearest } from '../text.ts';
import { pathOf } from './command.ts';
import { COMMON_OPTIONS, NOUNS } from './program.ts';
import type { World } from './world.ts';

/** The noun among the arguments: the first operand, past the options of the root that take a value. */
export function nounOf(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') return undefined;
    if (!argument.startsWith('-')) return argument;
    if (TAKES_VALUE.has(argument)) i++;
  }
  return undefined;
}

/**
 * `policy show --config` asks for the configuration; where a value follows, `--config` names the file, as everywhere.
 * Commander knows one option of a name, so the question has one of its own.
 */
export function spellOut(argv: readonly string[]): string[] {
  const show = nounOf(argv) === 'policy' ? argv.indexOf('show') : -1;
  const isBare = (i: number): boolean => argv[i + 1]?.startsWith('-') ?? true;
  return argv.map((argument, i) =>
    argument === '--config' && show !== -1 && i > show && isBare(i) ? '--show-config' : argument,
  );
}

/** Before anything can echo it: a secret among the arguments is known to every process on the machine. */
export function refuseSecrets(argv: readonly string[]): void {
  if (!argv.some(holdsSecret)) return;
  throw new PalyraError('usage.secret_argument', 'a secret on the command line is refused', {
    why: 'arguments are readable by other processes and stay in the shell history',
    hint: 'palyra tokens verify < FILE   reads one; if it is real, rotate it',
  });
}

/** Two principals that differ in a byte that is no UTF-8 would become one. */
export async function refuseForeignBytes(world: World, noun: string | undefined): Promise<void> {
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

/** For `palyra` without a noun, which commander does not get to parse. */
export function refuseUnknownOptions(program: Command, argv: readonly string[]): void {
  const unknown = argv.find((argument) => argument.startsWith('-') && !isRootOption(program, argument));
  if (unknown !== undefined) throw unknownOption(unknown, program);
}

/** Commander would say "too many arguments" or show help: name the nearest noun or verb instead. */
export function refuseUnknownNames(program: Command, argv: readonly string[], noun: string | undefined): void {
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

/** An option that a command does not take, with the nearest that it does. */
export function unknownOption(flag: string, subject: Command): PalyraError {
  const known = [subject, ...ancestors(subject)].flatMap((command) =>
    command.options.map((option) => option.long ?? ''),
  );
  const [name = ''] = flag.split('=');
  const page = `${pathOf(subject).join(' ')} --help`;
  const takesCommand = subject.registeredArguments.some((argument) => argument.name() === 'command');
  const isFar = nearest(name, known).length === 0;
  return new PalyraError('usage.unknown', `unknown option: ${name.slice(0, 60)}`, {
    hint: takesCommand && isFar ? `a command comes after --   ${page}` : didYouMean(name, known, page),
  });
}

function unknownName(kind: string, name: string, names: readonly string[], listing: string): PalyraError {
  const hint = didYouMean(name, names, listing);
  return new PalyraError('usage.unknown', `unknown ${kind}: ${name.slice(0, 60)}`, { hint });
}

function isRootOption(program: Command, argument: string): boolean {
  const [flag] = argument.split('=');
  return (
    argument === '-h' ||
    argument === '--help' ||
    program.options.some(({ short, long }) => flag === short || flag === long)
  );
}

function ancestors(command: Command): Command[] {
  const found: Command[] = [];
  for (let parent = command.parent; parent !== null; parent = parent.parent) found.push(parent);
  return found;
}

const TAKES_VALUE: ReadonlySet<string> = new Set(
  COMMON_OPTIONS.filter(([flags]) => flags.includes('<')).map(([flags]) => flags.slice(0, flags.indexOf(' '))),
);
