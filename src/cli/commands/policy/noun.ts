import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { check } from './check.ts';
import { diff } from './diff.ts';
import { fmt } from './fmt.ts';
import { show } from './show.ts';
import { test } from './test.ts';
import { validate } from './validate.ts';

export function policy(cli: Cli): Command {
  return new Command('policy')
    .summary('decide requests by Cedar policies, and explain, test, check and compare them')
    .description(
      'Decide requests by Cedar policies, and explain, test, check and compare them. Everything not permitted is denied.',
    )
    .addCommand(check(cli))
    .addCommand(test(cli))
    .addCommand(validate(cli))
    .addCommand(fmt(cli))
    .addCommand(diff(cli))
    .addCommand(show(cli));
}
