import { Command } from 'commander';
import { PalyraError } from '../../errors.ts';
import { type Cli, ending } from '../cli.ts';
import { command, worded } from '../command.ts';
import { buildProgram } from '../program.ts';

export function completion(cli: Cli): Command {
  const verb = command('completion')
    .summary('print a completion script for bash, zsh or fish')
    .description(
      'Print a completion script for bash, zsh or fish. It asks palyra itself at each TAB, so it never goes stale.',
    )
    .argument('<shell>', Object.keys(SCRIPTS).join(', '))
    .action(
      ending(cli, async (shell) => {
        const script = new Map(Object.entries(SCRIPTS)).get(shell);
        if (script === undefined) {
          throw new PalyraError('usage.unknown', `no completion for ${shell.slice(0, 40)}`, {
            hint: `palyra completion ${Object.keys(SCRIPTS).join('|')}`,
          });
        }
        cli.output.answer(script);
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
  });
}

/** What the completion scripts call: `palyra complete -- WORDS…`. */
export function complete(cli: Cli): Command {
  return new Command('complete').argument('[words...]').action(
    ending(cli, async (words: string[]) => {
      const { default: describe } = await import('@bomb.sh/tab/commander');
      const tab = describe(await buildProgram(cli, '', '*'));
      // the word that the scripts call is not one to offer
      tab.commands.delete('complete');
      tab.parse(words);
      return 'ok';
    }),
  );
}

// The package's own scripts hand the words to eval, so that a TAB would run what was only typed: `palyra $(…)`. These
// pass them on as arguments. Where palyra has nothing to say, the shell completes file names.
const SCRIPTS = {
  bash: `_palyra() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(palyra complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _palyra palyra`,
  zsh: `#compdef palyra
_palyra() {
  local line
  local -a found
  for line in "\${(@f)$(palyra complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line || $line == :* ]] || found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#found )); then _describe palyra found; else _files; fi
}
compdef _palyra palyra`,
  fish: `function __palyra_complete
    set -l words (commandline -opc) (commandline -ct)
    palyra complete -- $words[2..-1] 2>/dev/null | string match -v -r '^:'
end
complete -c palyra -a '(__palyra_complete)'`,
} as const;
