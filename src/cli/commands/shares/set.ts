import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';
import { SET_UP } from './words.ts';

export function set(cli: Cli): Command {
  const verb = command('set')
    .summary('share a resource, or change how far')
    .description('Share a resource with a workspace, or change how far it is shared.')
    .argument('<kind>', 'the kind of resource, e.g. memory')
    .argument('<id>', 'the resource')
    .requiredOption('--level <level>', 'the access level, a word such as read or write')
    .option('--workspace <workspace>', 'with which, by slug or id (default: the only one)')
    .action(
      ending(cli, async (kind, id, { level, workspace }) => {
        const { setShare } = await import('../../../flows/access/set-share.ts');
        const done = await setShare(await openDesk(cli), { workspace, kind, id, accessLevel: level });
        const { share, before, workspace: where } = done.answer;
        const was = before === null || !done.wouldChange ? '' : ` (was ${printable(before)})`;
        sayChange(cli, done, {
          schema: 'palyra.shares.set/1',
          value: { share: withTimes(share), before },
          becomes: `${share.resource_kind} ${printable(share.resource_id)} is shared with ${printable(where.slug)} for ${share.access_level}${was}`,
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    about: 'Needs the flag rbac, and workspace.sharing.manage there. A workspace, kind and id have one share.',
    examples: [
      ...SET_UP,
      { says: 'let the workspace read a memory', command: 'palyra shares set memory runbook --level read' },
    ],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
