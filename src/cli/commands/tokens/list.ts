import type { Command } from 'commander';
import { showTokens } from '../../../access/token.ts';
import { shortId } from '../../../ids.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';
import { withTimes } from '../../times.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('all tokens, with their true states')
    .description('All tokens: active, rotating (in its grace), expired or revoked. Never a secret or a hash.')
    .action(
      ending(cli, async () => {
        const { registry } = await (await cli.store()).read('registry');
        const now = cli.world.clock();
        const when = (moment: number | null | undefined, none: string) => ({
          cell: typeof moment === 'number' ? relative(moment, now) : none,
          value: typeof moment === 'number' ? rfc3339(moment) : '',
        });
        await sayList(cli.output, {
          schema: 'palyra.tokens.list/1',
          items: showTokens(registry, now),
          columns: [
            { heading: 'id', cell: ({ token_id }) => shortId(token_id), value: ({ token_id }) => token_id },
            { heading: 'state', cell: ({ state }) => state },
            { heading: 'label', cell: ({ label }) => label },
            { heading: 'principal', cell: ({ principal }) => principal },
            {
              heading: 'expires',
              cell: ({ expires_at_unix_ms }) => when(expires_at_unix_ms, 'never').cell,
              value: ({ expires_at_unix_ms }) => when(expires_at_unix_ms, '').value,
            },
            {
              heading: 'last used',
              cell: ({ last_used_at_unix_ms }) => when(last_used_at_unix_ms, 'never').cell,
              value: ({ last_used_at_unix_ms }) => when(last_used_at_unix_ms, '').value,
            },
            { heading: 'scopes', cell: ({ scopes }) => scopes.join(' ') },
          ],
          record: withTimes,
          empty: 'no tokens   palyra tokens mint --label NAME',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'all tokens', command: 'palyra tokens list' },
      { says: 'for a program', command: 'palyra tokens list --json' },
    ],
    exits: ['ok', 'unsafe_state'],
  });
}
