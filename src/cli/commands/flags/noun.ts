import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { list } from './list.ts';
import { show } from './show.ts';
import { disable, enable } from './turn.ts';

export function flags(cli: Cli): Command {
  return new Command('flags')
    .summary('turn features on and off, and see what that touches')
    .description('Feature flags: what is on, what needs what, and what a change touches.')
    .addCommand(list(cli))
    .addCommand(show(cli))
    .addCommand(enable(cli))
    .addCommand(disable(cli));
}
