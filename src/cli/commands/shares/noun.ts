import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { list } from './list.ts';
import { remove } from './remove.ts';
import { set } from './set.ts';

export function shares(cli: Cli): Command {
  return new Command('shares')
    .summary('share resources with a workspace')
    .description('Share resources with a workspace. Needs the flag rbac.')
    .addCommand(set(cli))
    .addCommand(list(cli))
    .addCommand(remove(cli));
}
