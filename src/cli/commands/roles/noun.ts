import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { list } from './list.ts';
import { show } from './show.ts';

export function roles(cli: Cli): Command {
  return new Command('roles')
    .summary('what owners, admins and operators may do')
    .description('What owners, admins and operators may do. A role is had in a workspace; with rbac on it binds.')
    .addCommand(list(cli))
    .addCommand(show(cli));
}
