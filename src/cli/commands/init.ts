import type { Command } from 'commander';
import { type Cli, configPath, ending, shownPath } from '../cli.ts';
import { command, gather, worded } from '../command.ts';

export function init(cli: Cli): Command {
  const verb = command('init')
    .summary('write a commented palyra.toml')
    .description(
      'Write a commented palyra.toml with every setting and its default. An existing file is never overwritten.',
    )
    .option('--tool <tool>', 'allow a tool (repeatable)', gather, [])
    .option('--executable <name>', 'allow an executable for palyra exec, * for any (repeatable)', gather, [])
    .action(
      ending(cli, async ({ tool, executable }) => {
        const { writeConfig } = await import('../../flows/write-config.ts');
        const path = configPath(cli);
        const text = writeConfig({ files: await cli.world.files() }, path, {
          tools: [...new Set(tool)],
          executables: [...new Set(executable)],
          dryRun: cli.options.dryRun,
        });
        if (cli.output.json) cli.output.value({ schema: 'palyra.init/1', path, changed: !cli.options.dryRun, text });
        else if (cli.options.dryRun) cli.output.answer(text.trimEnd());
        else cli.output.note(`wrote ${shownPath(cli.world, path)}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Without --config the file is ~/.config/palyra/palyra.toml. --tool palyra.process.run also switches the process runner on.`,
    examples: [
      { says: 'see what would be written', command: 'palyra init --dry-run' },
      {
        says: 'allow two tools and one executable',
        command: 'palyra init --config ci.toml --tool palyra.echo --tool palyra.process.run --executable git',
      },
    ],
    exits: ['ok', 'usage', 'conflict'],
  });
}
