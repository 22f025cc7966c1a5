import type { Command } from 'commander';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('all features: on or off, stage, what they need')
    .description('All features: on or off, their stage, and what they need.')
    .action(
      ending(cli, async () => {
        const { registry } = await (await cli.store()).read('registry');
        await sayList(cli.output, {
          schema: 'palyra.flags.list/1',
          items: registry.feature_flags,
          columns: [
            { heading: 'flag', cell: ({ key }) => key },
            { heading: 'state', cell: ({ enabled }) => (enabled ? 'on' : 'off') },
            { heading: 'stage', cell: ({ stage }) => stage },
            { heading: 'needs', cell: ({ depends_on }) => depends_on.join(' ') },
            { heading: 'about', cell: ({ description }) => description },
          ],
          record: withTimes,
          empty: 'no flags   palyra doctor --fix',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'all features', command: 'palyra flags list' },
      { says: 'for a program', command: 'palyra flags list --json' },
    ],
    exits: ['ok', 'unsafe_state'],
  });
}
