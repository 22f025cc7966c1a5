import { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { list } from './list.ts';
import { mint } from './mint.ts';
import { revoke } from './revoke.ts';
import { rotate } from './rotate.ts';
import { scan } from './scan.ts';
import { show } from './show.ts';
import { verify } from './verify.ts';

export function tokens(cli: Cli): Command {
  return new Command('tokens')
    .summary('make, rotate, revoke and verify API tokens, and find leaked ones')
    .description('API tokens: scoped, hashed, limited in rate. A secret is shown once and kept nowhere.')
    .addCommand(mint(cli))
    .addCommand(rotate(cli))
    .addCommand(revoke(cli))
    .addCommand(list(cli))
    .addCommand(show(cli))
    .addCommand(verify(cli))
    .addCommand(scan(cli));
}
