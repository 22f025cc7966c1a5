import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';
import { SET_UP } from './words.ts';

export function remove(cli: Cli): Command {
  const verb = command('remove')
    .summary('share a resource no longer')
    .description('Share a resource with a workspace no longer.')
    .argument('<kind>', 'the kind of resource, e.g. memory')
    .argument('<id>', 'the resource')
    .option('--workspace <workspace>', 'with which, by slug or id (default: the only one)')
    .action(
      ending(cli, async (kind, id, { workspace }) => {
        const { removeShare } = await import('../../../flows/access/remove-share.ts');
        const removed = await removeShare(await openDesk(cli), { workspace, kind, id });
        const { share, workspace: where } = removed.answer;
        sayChange(cli, removed, {
          schema: 'palyra.shares.remove/1',
          value: { share: withTimes(share) },
          becomes: `${share.resource_kind} ${printable(share.resource_id)} is no longer shared with ${printable(where.slug)}`,
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    about: 'Needs the flag rbac, and workspace.sharing.manage there.',
    examples: [
      ...SET_UP,
      { says: 'share', command: 'palyra shares set memory runbook --level read' },
      { says: 'and no longer', command: 'palyra shares remove memory runbook' },
    ],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
