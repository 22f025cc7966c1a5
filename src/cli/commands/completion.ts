import { Command } from 'commander';
import { PalyraError } from '../../errors.ts';
import { type Cli, ending } from '../cli.ts';
import { command, worded } from '../command.ts';
import { buildProgram } from '../program.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

export function completion(cli: Cli): Command {
  const verb = command('completion')
    .summary('print a completion script for bash, zsh or fish')
    .description(
      'Print a completion script for bash, zsh or fish. It asks palyra itself at each TAB, so it never goes stale.',
    )
    .argument('<shell>', SHELLS.join(', '))
    .action(
      ending(cli, async (shell) => {
        if (!SHELLS.includes(shell)) {
          throw new PalyraError('usage.unknown', `no completion for ${shell.slice(0, 40)}`, {
            hint: `palyra completion ${SHELLS.join('|')}`,
          });
        }
        const { script } = await import('@bomb.sh/tab');
        script(shell, 'palyra', 'palyra');
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      {
        says: 'bash, for this shell (put the line into ~/.bashrc for all)',
        command: 'source <(palyra completion bash)',
      },
      { says: 'fish', command: 'palyra completion fish > palyra.fish' },
    ],
    exits: ['ok', 'usage'],
  }) as unknown as Command;
}

/** What the completion scripts call: `palyra complete -- WORDS…`. */
export function complete(cli: Cli): Command {
  return new Command('complete').argument('[words...]').action(
    ending(cli, async (words: string[]) => {
      const { default: tab } = await import('@bomb.sh/tab/commander');
      tab(await buildProgram(cli, '', '*')).parse(words);
      return 'ok';
    }),
  );
}
