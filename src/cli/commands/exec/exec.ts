import type { Command } from 'commander';
import { type Cli, ending } from '../../cli.ts';
import { command, gather, worded } from '../../command.ts';

export function exec(cli: Cli): Command {
  const verb = command('exec')
    .summary('run a command through the gate, contained')
    .description('Take a command through posture, policy and approval, then run it contained.')
    .argument('[command...]', 'the command and its arguments, after --')
    .option('--tier <tier>', 'b: limits and a scrubbed environment; c: a sandbox of its own')
    .option('--egress <mode>', 'none, preflight (arguments are checked) or strict (enforced)')
    .option('--allow-host <host>', 'reach only this of the allowed hosts, HOST or HOST:PORT (repeatable)', gather, [])
    .option('--workspace <dir>', 'the folder that it may write to (default: the working directory)')
    .option('--timeout <duration>', 'stop it after this time, e.g. 10s')
    .option('--memory <size>', 'stop it over this much memory, e.g. 512m')
    .option('--max-output <size>', 'stop it after this much output, e.g. 64k')
    .option('--env <name>', 'hand on a variable, NAME or NAME=value (repeatable)', gather, [])
    .option('--stdin', 'hand on standard input')
    .option('--tty', 'hand on the terminal')
    .option('--session <session>', 'the conversation that it belongs to')
    .option('--run <run>', 'the run, whose calls are counted')
    .option('--wait <duration>', 'wait so long for an approval')
    .option('--approval <id>', 'use this approval, which is for exactly this command')
    .option('--report <file>', 'write what happened as JSON, to a new file or over an earlier report')
    .option('--allow-root', 'run as root where the workspace is root’s')
    .action(ending(cli, async (argv: string[], options) => (await import('./run.ts')).runCommand(cli, argv, options)));
  return worded(verb, {
    about: `The command's streams pass through, and its exit code is the exit code. 126: refused, with the reason. 125: the sandbox
could not be set up. 124: the time limit. 128+n: signal n. 1: its output could not be written. --report tells these
from the command's own codes.

Options take away from what palyra.toml gives and never add to it. On a terminal --allow-host may name another host: then
you are asked, and the host is a part of what you allow. Variables that a loader, a shell or a tool obeys (PATH,
LD_PRELOAD, GIT_SSH_COMMAND) are not handed on; whoever is asked sees the others with their values. A home, its dot-folders,
folders of the system and those of your PATH are no workspace: work in a folder of its own.

Tier c sees the system read-only and the workspace, nothing else; with egress strict it reaches the allowed hosts and
nothing else, whatever a script says. Tier b is no boundary: its limits hold, its checks of arguments are advice
against accidents.`,
    examples: [
      { says: 'allow a command, and see what would run', command: DRY },
      { says: 'what contains commands here', command: 'palyra sandbox check' },
    ],
    exits: [
      'ok',
      'failure',
      'usage',
      'not_found',
      'busy',
      'deny',
      'unsafe_state',
      'exec_timeout',
      'exec_setup',
      'exec_refused',
      'exec_no_command',
    ],
  });
}

const DRY =
  'palyra init --tool palyra.process.run --executable git; palyra exec --tier c --egress strict --dry-run -- git status';
