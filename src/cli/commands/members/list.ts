import type { Command } from 'commander';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { momentColumn, sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';
import { readOfWorkspace } from '../../workspace-list.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('show who belongs to which workspace')
    .description('Show the members of a workspace, or of all.')
    .option('--workspace <workspace>', 'only of this one, by slug or id')
    .action(
      ending(cli, async ({ workspace }) => {
        const items = await readOfWorkspace(cli, workspace, ({ memberships }) => memberships);
        const now = cli.world.clock();
        await sayList(cli.output, {
          schema: 'palyra.members.list/1',
          items,
          columns: [
            { heading: 'principal', cell: ({ principal }) => principal },
            { heading: 'role', cell: ({ role }) => role },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            momentColumn('since', now, 'created_at_unix_ms'),
            { heading: 'by', cell: ({ created_by_principal: by }) => by },
          ],
          record: withTimes,
          empty: 'no members yet   palyra workspaces create NAME',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'of all workspaces', command: 'palyra members list' }],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
