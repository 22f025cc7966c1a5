import type { Command } from 'commander';
import { parseRole, permissionsOf } from '../../../access/role.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('what a role may do, or how it differs from another')
    .description('What a role may do. These permissions are also the scopes that a token can have.')
    .argument('<role>', 'operator, admin or owner')
    .option('--compare <role>', 'show only what the other may more (+) or less (-)')
    .action(
      ending(cli, async (word, { compare }) => {
        const role = parseRole(word);
        const permissions = permissionsOf(role);
        if (compare === undefined) {
          if (cli.output.json) cli.output.value({ schema: 'palyra.roles.show/1', role, permissions });
          else for (const permission of permissions) cli.output.answer(permission);
          return 'ok';
        }
        const other = parseRole(compare);
        const gains = permissionsOf(other).filter((permission) => !permissions.includes(permission));
        const loses = permissions.filter((permission) => !permissionsOf(other).includes(permission));
        if (cli.output.json) {
          cli.output.value({
            schema: 'palyra.roles.show/1',
            role,
            permissions,
            compare: { role: other, gains, loses },
          });
          return 'ok';
        }
        for (const permission of gains) cli.output.answer(`${cli.output.paint.good('+')} ${permission}`);
        for (const permission of loses) cli.output.answer(`${cli.output.paint.bad('-')} ${permission}`);
        if (gains.length + loses.length === 0) cli.output.note(`${role} and ${other} may do the same`);
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'what an admin may do', command: 'palyra roles show admin' },
      { says: 'what an operator would gain as an owner', command: 'palyra roles show operator --compare owner' },
    ],
    exits: ['ok', 'usage'],
  });
}
