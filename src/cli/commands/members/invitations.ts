import type { Command } from 'commander';
import { invitationState } from '../../../access/invitation.ts';
import { shortId } from '../../../ids.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { momentColumn, sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';
import { readOfWorkspace } from '../../workspace-list.ts';

export function invitations(cli: Cli): Command {
  const verb = command('invitations')
    .summary('show the invitations and what became of them')
    .description('Show the invitations and what became of them. Their secrets and hashes are never shown.')
    .option('--workspace <workspace>', 'only to this one, by slug or id')
    .action(
      ending(cli, async ({ workspace }) => {
        const items = await readOfWorkspace(cli, workspace, ({ invitations }) => invitations);
        const now = cli.world.clock();
        await sayList(cli.output, {
          schema: 'palyra.members.invitations/1',
          items: items.map(({ token_hash_sha256: _, ...invitation }) => ({
            ...invitation,
            state: invitationState(invitation, now),
          })),
          columns: [
            { heading: 'id', cell: ({ invitation_id: id }) => shortId(id), value: ({ invitation_id: id }) => id },
            { heading: 'identity', cell: ({ invited_identity: identity }) => identity },
            { heading: 'role', cell: ({ role }) => role },
            { heading: 'workspace', cell: ({ workspace }) => workspace },
            { heading: 'state', cell: ({ state }) => state },
            momentColumn('expires', now, 'expires_at_unix_ms'),
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
  });
}
