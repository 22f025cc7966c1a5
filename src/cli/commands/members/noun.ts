import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { accept } from './accept.ts';
import { invitations } from './invitations.ts';
import { invite } from './invite.ts';
import { list } from './list.ts';
import { remove } from './remove.ts';
import { setRole } from './set-role.ts';

export function members(cli: Cli): Command {
  return new Command('members')
    .summary('invite people to a workspace, and decide what they may do')
    .description(
      'Invite people to a workspace, change their roles, and remove them. Only owners decide about owners, nobody promotes themselves, and the last owner stays.',
    )
    .addCommand(list(cli))
    .addCommand(setRole(cli))
    .addCommand(remove(cli))
    .addCommand(invite(cli))
    .addCommand(accept(cli))
    .addCommand(invitations(cli));
}
