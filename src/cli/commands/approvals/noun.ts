import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { claim } from './claim.ts';
import { exportApprovals } from './export.ts';
import { grants } from './grants.ts';
import { list } from './list.ts';
import { request } from './request.ts';
import { resolve } from './resolve.ts';
import { show } from './show.ts';
import { wait } from './wait.ts';
import { watch } from './watch.ts';

export function approvals(cli: Cli): Command {
  return new Command('approvals')
    .summary('ask operators about tool calls, and answer')
    .description('Ask operators about tool calls, and answer. What was approved is what runs, once.')
    .addCommand(request(cli))
    .addCommand(claim(cli))
    .addCommand(list(cli))
    .addCommand(show(cli))
    .addCommand(resolve(cli))
    .addCommand(wait(cli))
    .addCommand(watch(cli))
    .addCommand(grants(cli))
    .addCommand(exportApprovals(cli));
}
