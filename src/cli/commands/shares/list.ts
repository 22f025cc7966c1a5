import type { Command } from 'commander';
import { findWorkspace } from '../../../access/workspace.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('show what is shared with which workspace')
    .description('Show what is shared with a workspace, or with all.')
    .option('--workspace <workspace>', 'only with this one, by slug or id')
    .action(
      ending(cli, async ({ workspace: named }) => {
        const { registry } = await (await cli.store()).read('registry');
        const only = named === undefined ? undefined : findWorkspace(registry, named);
        const now = cli.world.clock();
        const slugOf = new Map(registry.workspaces.map(({ workspace_id, slug }) => [workspace_id, slug]));
        await sayList(cli.output, {
          schema: 'palyra.shares.list/1',
          items: registry.shares
            .filter(({ workspace_id }) => only === undefined || workspace_id === only.workspace_id)
            .map((share) => ({ ...share, workspace: slugOf.get(share.workspace_id) ?? '' })),
          columns: [
            { heading: 'kind', cell: ({ resource_kind: kind }) => kind },
            { heading: 'id', cell: ({ resource_id: id }) => id },
            { heading: 'level', cell: ({ access_level: level }) => level },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            {
              heading: 'since',
              cell: ({ updated_at_unix_ms: at }) => relative(at, now),
              value: ({ updated_at_unix_ms: at }) => rfc3339(at),
            },
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
  }) as unknown as Command;
}
