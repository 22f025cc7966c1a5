import type { Command } from 'commander';
import { invitationState } from '../../../access/invitation.ts';
import { findWorkspace } from '../../../access/workspace.ts';
import { shortId } from '../../../ids.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function invitations(cli: Cli): Command {
  const verb = command('invitations')
    .summary('show the invitations and what became of them')
    .description('Show the invitations and what became of them. Their secrets and hashes are never shown.')
    .option('--workspace <workspace>', 'only to this one, by slug or id')
    .action(
      ending(cli, async ({ workspace: named }) => {
        const { registry } = await (await cli.store()).read('registry');
        const only = named === undefined ? undefined : findWorkspace(registry, named);
        const now = cli.world.clock();
        const slugOf = new Map(registry.workspaces.map(({ workspace_id, slug }) => [workspace_id, slug]));
        await sayList(cli.output, {
          schema: 'palyra.members.invitations/1',
          items: registry.invitations
            .filter(({ workspace_id }) => only === undefined || workspace_id === only.workspace_id)
            .map(({ token_hash_sha256: _, ...invitation }) => ({
              ...invitation,
              state: invitationState(invitation, now),
              workspace: slugOf.get(invitation.workspace_id) ?? '',
            })),
          columns: [
            { heading: 'id', cell: ({ invitation_id: id }) => shortId(id), value: ({ invitation_id: id }) => id },
            { heading: 'identity', cell: ({ invited_identity: identity }) => identity },
            { heading: 'role', cell: ({ role }) => role },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            { heading: 'state', cell: ({ state }) => state },
            {
              heading: 'expires',
              cell: ({ expires_at_unix_ms: at }) => relative(at, now),
              value: ({ expires_at_unix_ms: at }) => rfc3339(at),
            },
            { heading: 'by', cell: ({ issued_by_principal: by }) => by },
          ],
          record: withTimes,
          empty: 'no invitations yet   palyra members invite IDENTITY --role ROLE',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'of all workspaces', command: 'palyra members invitations' }],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  }) as unknown as Command;
}
