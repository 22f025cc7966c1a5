import type { Command } from 'commander';
import { shortId } from '../../../ids.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { momentColumn, sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('show the workspaces')
    .description('Show the workspaces. The first one is the root: its owners may change flags and operate trust.')
    .action(
      ending(cli, async () => {
        const { registry } = await (await cli.store()).read('registry');
        const { teams, workspaces, memberships } = registry;
        const now = cli.world.clock();
        await sayList(cli.output, {
          schema: 'palyra.workspaces.list/1',
          items: workspaces.map((workspace) => ({
            ...workspace,
            team: teams.find(({ team_id }) => team_id === workspace.team_id)?.slug ?? '',
            members: new Set(
              memberships.filter((one) => one.workspace_id === workspace.workspace_id).map((one) => one.principal),
            ).size,
          })),
          columns: [
            { heading: 'slug', cell: ({ slug }) => slug },
            { heading: 'id', cell: ({ workspace_id: id }) => shortId(id), value: ({ workspace_id: id }) => id },
            { heading: 'team', cell: ({ team }) => team },
            { heading: 'name', cell: ({ display_name }) => display_name },
            { heading: 'members', cell: ({ members }) => String(members) },
            momentColumn('made', now, 'created_at_unix_ms'),
          ],
          record: withTimes,
          empty: 'no workspaces yet   palyra workspaces create NAME',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'all of them', command: 'palyra workspaces list' }],
    exits: ['ok', 'usage', 'unsafe_state'],
  });
}
