import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { check } from './check.ts';

export function sandbox(cli: Cli): Command {
  return new Command('sandbox')
    .summary('what contains commands on this machine')
    .description('What contains the commands of palyra exec on this machine.')
    .addCommand(check(cli));
}
