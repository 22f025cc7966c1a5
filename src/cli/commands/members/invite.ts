import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { requireReader, showSecret } from '../../secret.ts';
import { withTimes } from '../../times.ts';

export function invite(cli: Cli): Command {
  const verb = command('invite')
    .summary('invite somebody to a workspace')
    .description('Invite somebody to a workspace. The secret of the invitation is shown once, on standard output.')
    .argument('<identity>', 'whom: the principal that will accept, e.g. user:bob')
    .requiredOption('--role <role>', 'owner, admin or operator')
    .option('--expires <when>', 'until when it can be accepted: 12h, 7d, or a time', '7d')
    .option('--workspace <workspace>', 'to which, by slug or id (default: the only one)')
    .action(
      ending(cli, async (identity, { role, expires, workspace }) => {
        await requireReader(cli);
        const { inviteMember } = await import('../../../flows/access/invite-member.ts');
        const invited = await inviteMember(await openDesk(cli), { workspace, identity, role, expires });
        const { invitation, workspace: where, secret, replaced } = invited.answer;
        const { token_hash_sha256: _, ...shown } = invitation;
        const until = invitation.expires_at_unix_ms;
        sayChange(cli, invited, {
          schema: 'palyra.members.invite/1',
          value: {
            ...(invited.changed ? { token: secret } : {}),
            invitation: withTimes(shown),
            replaced_invitation_ids: replaced.map(({ invitation_id }) => invitation_id),
          },
          becomes: `${printable(invitation.invited_identity)} may join ${printable(where.slug)} as ${invitation.role} until ${rfc3339(until)} (${relative(until, cli.world.clock())})`,
          notes: replaced.length > 0 ? ['it takes the place of the earlier invitation'] : [],
        });
        const undo = `palyra members remove ${invitation.invited_identity} --workspace ${where.slug}`;
        if (invited.changed) await showSecret(cli, secret, undo);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `With rbac on this needs workspace.memberships.manage there; only owners invite owners. An invitation takes the
place of an earlier one of the same identity that nobody has accepted. palyra members remove withdraws it.`,
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'a workspace', command: 'palyra workspaces create ops' },
      {
        says: 'the secret into a file that only you can read',
        command: '(umask 077; palyra members invite user:bob --role operator > bob.invitation)',
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
