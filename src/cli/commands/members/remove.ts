import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';
import { revokedWords } from './words.ts';

export function remove(cli: Cli): Command {
  const verb = command('remove')
    .summary('remove a member, or withdraw an invitation')
    .description(
      'Remove a member, and revoke their tokens for the workspace. Of somebody who has not accepted yet, withdraw the invitation.',
    )
    .argument('<principal>', 'the member or the invited, e.g. user:bob')
    .option('--workspace <workspace>', 'where, by slug or id (default: the only one)')
    .action(
      ending(cli, async (principal, { workspace }) => {
        const { removeMember } = await import('../../../flows/access/remove-member.ts');
        const removed = await removeMember(await openDesk(cli), { workspace, principal });
        const { memberships, invitations, revoked, workspace: where } = removed.answer;
        const who = printable(principal.trim());
        const slug = printable(where.slug);
        sayChange(cli, removed, {
          schema: 'palyra.members.remove/1',
          value: {
            memberships: memberships.map(withTimes),
            withdrawn_invitation_ids: invitations.map(({ invitation_id }) => invitation_id),
            revoked_token_ids: revoked.map(({ token_id }) => token_id),
          },
          becomes: memberships.length > 0 ? `${who} is no longer in ${slug}` : `${who} is no longer invited to ${slug}`,
          notes: revokedWords(revoked),
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    about:
      'With rbac on this needs workspace.memberships.manage there. Only owners remove owners; the last owner stays.',
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'a workspace, and somebody invited to it', command: 'palyra workspaces create ops' },
      { says: 'invite', command: 'palyra members invite user:bob --role operator' },
      { says: 'and withdraw it', command: 'palyra members remove user:bob' },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
