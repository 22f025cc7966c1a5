import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { sayChange } from '../../change.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';

export function create(cli: Cli): Command {
  const verb = command('create')
    .summary('make a workspace, its team, and yourself its owner')
    .description('Make a workspace. It gets a team, and whoever makes it becomes its owner.')
    .argument('<name>', 'what people call it; its slug, by which commands name it, is made of it')
    .option('--team <name>', 'the team it belongs to, made if there is none of that name (default: its own)')
    .action(
      ending(cli, async (name, { team }) => {
        const { createWorkspace } = await import('../../../flows/access/create-workspace.ts');
        const made = await createWorkspace(await openDesk(cli), { name, team });
        const { workspace, team: its, membership } = made.answer;
        sayChange(cli, made, {
          schema: 'palyra.workspaces.create/1',
          value: { workspace: withTimes(workspace), team: withTimes(its), membership: withTimes(membership) },
          becomes: `workspace ${printable(workspace.slug)} of team ${printable(its.slug)} is owned by ${printable(membership.principal)}`,
        });
        if (made.changed && !cli.output.json) cli.output.answer(workspace.workspace_id);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Needs the flag team_mode; with rbac on, workspace.manage in the first workspace. Prints the workspace's id.`,
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'a workspace of its own team', command: 'palyra workspaces create ops' },
      { says: 'see what another would be', command: 'palyra workspaces create "On call" --team ops --dry-run' },
    ],
    exits: ['ok', 'usage', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
