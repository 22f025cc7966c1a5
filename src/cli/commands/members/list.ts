import type { Command } from 'commander';
import { findWorkspace } from '../../../access/workspace.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('show who belongs to which workspace')
    .description('Show the members of a workspace, or of all.')
    .option('--workspace <workspace>', 'only of this one, by slug or id')
    .action(
      ending(cli, async ({ workspace: named }) => {
        const { registry } = await (await cli.store()).read('registry');
        const only = named === undefined ? undefined : findWorkspace(registry, named);
        const now = cli.world.clock();
        const slugOf = new Map(registry.workspaces.map(({ workspace_id, slug }) => [workspace_id, slug]));
        await sayList(cli.output, {
          schema: 'palyra.members.list/1',
          items: registry.memberships
            .filter(({ workspace_id }) => only === undefined || workspace_id === only.workspace_id)
            .map((member) => ({ ...member, workspace: slugOf.get(member.workspace_id) ?? '' })),
          columns: [
            { heading: 'principal', cell: ({ principal }) => principal },
            { heading: 'role', cell: ({ role }) => role },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            {
              heading: 'since',
              cell: ({ created_at_unix_ms: at }) => relative(at, now),
              value: ({ created_at_unix_ms: at }) => rfc3339(at),
            },
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
  }) as unknown as Command;
}
