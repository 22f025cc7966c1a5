import { Command } from 'commander';
import { PalyraError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { formatPage } from './command.ts';

interface Noun {
  readonly summary: string;
  readonly load: (cli: Cli) => Promise<Command>;
}

/** Every noun with its summary; what is below one is loaded when it is named, so that starting costs nothing. */
export const NOUNS: Readonly<Record<string, Noun>> = {
  policy: {
    summary: 'decide requests by Cedar policies, and explain, test, check and compare them',
    load: async (cli) => (await import('./commands/policy/noun.ts')).policy(cli),
  },
  posture: {
    summary: 'how tools are treated before policy is asked',
    load: async (cli) => (await import('./commands/posture/noun.ts')).posture(cli),
  },
  approvals: {
    summary: 'ask operators about tool calls, and answer',
    load: async (cli) => (await import('./commands/approvals/noun.ts')).approvals(cli),
  },
  exec: {
    summary: 'run a command through the gate, contained',
    load: async (cli) => (await import('./commands/exec/exec.ts')).exec(cli),
  },
  sandbox: {
    summary: 'what contains commands on this machine',
    load: async (cli) => (await import('./commands/sandbox/noun.ts')).sandbox(cli),
  },
  tokens: {
    summary: 'make, rotate, revoke and verify API tokens, and find leaked ones',
    load: async (cli) => (await import('./commands/tokens/noun.ts')).tokens(cli),
  },
  flags: {
    summary: 'turn features on and off, and see what that touches',
    load: async (cli) => (await import('./commands/flags/noun.ts')).flags(cli),
  },
  roles: {
    summary: 'what owners, admins and operators may do',
    load: async (cli) => (await import('./commands/roles/noun.ts')).roles(cli),
  },
  workspaces: {
    summary: 'make and show the workspaces of teams',
    load: async (cli) => (await import('./commands/workspaces/noun.ts')).workspaces(cli),
  },
  members: {
    summary: 'invite people to a workspace, and decide what they may do',
    load: async (cli) => (await import('./commands/members/noun.ts')).members(cli),
  },
  shares: {
    summary: 'share resources with a workspace',
    load: async (cli) => (await import('./commands/shares/noun.ts')).shares(cli),
  },
  journal: {
    summary: 'read, follow, verify and export the journal',
    load: async (cli) => (await import('./commands/journal/noun.ts')).journal(cli),
  },
  doctor: {
    summary: 'find what is wrong with the state, the configuration and this machine',
    load: async (cli) => (await import('./commands/doctor.ts')).doctor(cli),
  },
  init: {
    summary: 'write a commented palyra.toml',
    load: async (cli) => (await import('./commands/init.ts')).init(cli),
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async (cli) => (await import('./commands/completion.ts')).completion(cli),
  },
  help: {
    summary: 'show the help of a command or topic',
    load: async (cli) => (await import('./commands/help.ts')).help(cli),
  },
};

/** What every command takes: flags, what they are for, and what they are if they are not given. */
export const COMMON_OPTIONS: readonly (readonly [flags: string, description: string, initial?: string])[] = [
  ['--state-root <dir>', 'where state is kept (PALYRA_STATE_ROOT)'],
  ['--config <file>', 'your palyra.toml (PALYRA_CONFIG)'],
  ['--as <principal>', 'act for another principal (PALYRA_PRINCIPAL)'],
  ['--json', 'answer in JSON'],
  ['-n, --dry-run', 'show what would change, and stop'],
  ['-y, --yes', 'do not ask for confirmation'],
  ['--no-input', 'never ask'],
  ['--reason <text>', 'why, for the journal'],
  ['-q, --quiet', 'only answers, warnings and errors'],
  ['-v, --verbose', 'say which configuration and state are used'],
  ['--color <when>', 'auto, always or never', 'auto'],
];

/**
 * The command tree.
 * @param named load only this noun; undefined loads none, `*` all (for man pages, completion and help)
 */
export async function buildProgram(cli: Cli, version: string, named: string | undefined): Promise<Command> {
  const program = new Command('palyra')
    .description('Decides what AI agents may do: Cedar policies, hashed tokens, human approvals, contained commands.')
    .usage('[options] <noun> <verb>')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ showGlobalOptions: true, formatHelp: formatPage })
    .showSuggestionAfterError(false);
  for (const [flags, description, initial] of COMMON_OPTIONS) program.option(flags, description, initial);
  if (named === 'complete') {
    program.addCommand(inherit((await import('./commands/completion.ts')).complete(cli), program), { hidden: true });
  }
  for (const [name, noun] of Object.entries(NOUNS)) {
    if (named === name || named === '*') program.addCommand(inherit(await noun.load(cli), program));
    else program.command(name).summary(noun.summary).description(noun.summary);
  }
  refuseRepeats(program);
  return program;
}

/** Of two values for one option commander takes the last, silently: it may be the one that was not meant. */
function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    // what gathers its values has a parser of its own
    if ((!option.required && !option.optional) || option.parseArg !== undefined || option.variadic) continue;
    let isGiven = false;
    option.argParser((value) => {
      if (isGiven) {
        throw new PalyraError('usage.invalid', `${option.long} is given twice`, { hint: 'give it once' });
      }
      isGiven = true;
      return value;
    });
  }
  for (const child of command.commands) refuseRepeats(child);
}

/** Commander hands its settings only to commands that it makes itself. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent).helpCommand(false);
  for (const child of command.commands) inherit(child, command);
  return command;
}
