import type { Command } from 'commander';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { momentColumn, sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';
import { readOfWorkspace } from '../../workspace-list.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('show what is shared with which workspace')
    .description('Show what is shared with a workspace, or with all.')
    .option('--workspace <workspace>', 'only with this one, by slug or id')
    .action(
      ending(cli, async ({ workspace }) => {
        const items = await readOfWorkspace(cli, workspace, ({ shares }) => shares);
        const now = cli.world.clock();
        await sayList(cli.output, {
          schema: 'palyra.shares.list/1',
          items,
          columns: [
            { heading: 'kind', cell: ({ resource_kind: kind }) => kind },
            { heading: 'id', cell: ({ resource_id: id }) => id },
            { heading: 'level', cell: ({ access_level: level }) => level },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            momentColumn('since', now, 'updated_at_unix_ms'),
            { heading: 'by', cell: ({ created_by_principal: by }) => by },
          ],
          record: withTimes,
          empty: 'nothing is shared yet   palyra shares set KIND ID --level LEVEL',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'with all workspaces', command: 'palyra shares list' }],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
