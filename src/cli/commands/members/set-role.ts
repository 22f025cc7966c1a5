import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';
import { revokedWords } from './words.ts';

export function setRole(cli: Cli): Command {
  const verb = command('set-role')
    .summary('give a member another role')
    .description(
      'Give a member another role. Tokens of theirs that could do more than it are revoked in the same change.',
    )
    .argument('<principal>', 'the member, e.g. user:bob')
    .argument('<role>', 'owner, admin or operator')
    .option('--workspace <workspace>', 'where, by slug or id (default: the only one)')
    .action(
      ending(cli, async (principal, role, { workspace }) => {
        const { setMemberRole } = await import('../../../flows/access/set-member-role.ts');
        const set = await setMemberRole(await openDesk(cli), { workspace, principal, role });
        const { membership, before, revoked, workspace: where } = set.answer;
        const place = `of ${printable(where.slug)}`;
        sayChange(cli, set, {
          schema: 'palyra.members.set-role/1',
          value: {
            membership: withTimes(membership),
            before,
            revoked_token_ids: revoked.map(({ token_id }) => token_id),
          },
          becomes: set.wouldChange
            ? `${printable(membership.principal)} becomes ${membership.role} ${place} (was ${before})`
            : `${printable(membership.principal)} is ${membership.role} ${place}`,
          notes: revokedWords(revoked),
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `With rbac on this needs workspace.memberships.manage there. Only owners make or change owners, nobody promotes
themselves, and the last owner stays, whether rbac is on or off.`,
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'a workspace and somebody in it', command: 'palyra workspaces create ops --as user:ann' },
      {
        says: 'and another',
        command: 'palyra members invite user:bob --role operator --as user:ann | palyra members accept --as user:bob',
      },
      { says: 'let them manage tokens and members', command: 'palyra members set-role user:bob admin --as user:ann' },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
