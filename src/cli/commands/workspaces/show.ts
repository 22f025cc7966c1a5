import type { Command } from 'commander';
import { findWorkspace } from '../../../access/workspace.ts';
import { printable } from '../../../text.ts';
import { rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('show one workspace')
    .description('Show one workspace: its team, what runs for it, its members, and what is shared with it.')
    .argument('[workspace]', 'its slug or id; without it, the only one')
    .action(
      ending(cli, async (named) => {
        const { registry } = await (await cli.store()).read('registry');
        const workspace = findWorkspace(registry, named);
        const isIn = (one: { readonly workspace_id: string }) => one.workspace_id === workspace.workspace_id;
        const team = registry.teams.find(({ team_id }) => team_id === workspace.team_id) ?? null;
        const members = registry.memberships.filter(isIn);
        const shares = registry.shares.filter(isIn);
        if (cli.output.json) {
          cli.output.value({
            schema: 'palyra.workspaces.show/1',
            workspace: withTimes(workspace),
            team: team === null ? null : withTimes(team),
            members: members.map(withTimes),
            shares: shares.map(withTimes),
          });
          return 'ok';
        }
        const rows: readonly (readonly [string, string])[] = [
          ['workspace', workspace.slug],
          ['id', workspace.workspace_id],
          ['name', workspace.display_name],
          ['team', team?.slug ?? ''],
          ['runs as', workspace.runtime_principal ?? ''],
          ['device', workspace.runtime_device_id ?? ''],
          ['made', `${rfc3339(workspace.created_at_unix_ms)} by ${workspace.created_by_principal}`],
          ...members.map(({ principal, role }) => ['member', `${principal} (${role})`] as const),
          ...shares.map((one) => ['share', `${one.resource_kind} ${one.resource_id} (${one.access_level})`] as const),
        ];
        for (const [what, text] of rows) cli.output.answer(`${what.padEnd(10)} ${printable(text)}`.trimEnd());
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'switch teams on', command: 'palyra flags enable team_mode' },
      { says: 'make one', command: 'palyra workspaces create ops' },
      { says: 'show it', command: 'palyra workspaces show ops' },
    ],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
