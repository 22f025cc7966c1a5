import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { clear } from './clear.ts';
import { list } from './list.ts';
import { preset } from './preset.ts';
import { set } from './set.ts';
import { show } from './show.ts';

export function posture(cli: Cli): Command {
  return new Command('posture')
    .summary('how tools are treated before policy is asked')
    .description('How tools are treated before policy is asked: always allowed, asked for each time, or disabled.')
    .addCommand(list(cli))
    .addCommand(show(cli))
    .addCommand(set(cli))
    .addCommand(clear(cli))
    .addCommand(preset(cli));
}
