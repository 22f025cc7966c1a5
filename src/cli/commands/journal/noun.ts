import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { exportJournal } from './export.ts';
import { log } from './log.ts';
import { verify } from './verify.ts';

export function journal(cli: Cli): Command {
  return new Command('journal')
    .summary('read, follow, verify and export the journal')
    .description(
      'Read, follow, verify and export the journal: every change and every decision, each entry chained to the one before.',
    )
    .addCommand(log(cli))
    .addCommand(verify(cli))
    .addCommand(exportJournal(cli));
}
