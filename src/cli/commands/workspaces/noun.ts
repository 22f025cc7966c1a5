import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { create } from './create.ts';
import { list } from './list.ts';
import { show } from './show.ts';

export function workspaces(cli: Cli): Command {
  return new Command('workspaces')
    .summary('make and show the workspaces of teams')
    .description('Make and show the workspaces of teams. Members, tokens and shares belong to a workspace.')
    .addCommand(create(cli))
    .addCommand(list(cli))
    .addCommand(show(cli));
}
