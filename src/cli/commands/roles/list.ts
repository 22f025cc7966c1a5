import type { Command } from 'commander';
import { permissionsOf, ROLES } from '../../../access/role.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('the roles, least first, and what each adds')
    .description('The roles, least first; each may do all that the one before may, and what it adds.')
    .action(
      ending(cli, async () => {
        await sayList(cli.output, {
          schema: 'palyra.roles.list/1',
          items: ROLES.map((role, rank) => {
            const before = ROLES[rank - 1];
            const below = before === undefined ? [] : permissionsOf(before);
            const permissions = permissionsOf(role);
            return { role, permissions, adds: permissions.filter((permission) => !below.includes(permission)) };
          }),
          columns: [
            { heading: 'role', cell: ({ role }) => role },
            { heading: 'may', cell: ({ permissions }) => String(permissions.length) },
            { heading: 'adds', cell: ({ adds }) => adds.join(' ') },
          ],
          record: (item) => item,
          empty: 'no roles',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'all roles', command: 'palyra roles list' }],
    exits: ['ok'],
  });
}
