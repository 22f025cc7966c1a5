import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { readSecret } from '../../secret.ts';
import { withTimes } from '../../times.ts';

export function accept(cli: Cli): Command {
  const verb = command('accept')
    .summary('accept an invitation')
    .description(
      'Accept an invitation, by its secret on standard input. Whoever accepts must be the one who was invited.',
    )
    .option('--secret-file <file>', 'read the secret from a file', '-')
    .action(
      ending(cli, async ({ secretFile }) => {
        const { acceptInvitation } = await import('../../../flows/access/accept-invitation.ts');
        const accepted = await acceptInvitation(
          await openDesk(cli),
          await readSecret(cli, secretFile, 'palyra members accept < FILE   or --secret-file FILE'),
        );
        const { workspace, membership } = accepted.answer;
        sayChange(cli, accepted, {
          schema: 'palyra.members.accept/1',
          value: { membership: withTimes(membership), workspace: withTimes(workspace) },
          becomes: `${printable(membership.principal)} is ${membership.role} of ${printable(workspace.slug)}`,
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `The secret is never an argument: other processes can read those. Refused, in this order: a secret that nobody
knows (3), an invitation that was accepted (4), one that has expired (4), one for somebody else (5).`,
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'a workspace', command: 'palyra workspaces create ops' },
      {
        says: 'invite, and accept as the invited',
        command: 'palyra members invite user:bob --role operator | palyra members accept --as user:bob',
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
