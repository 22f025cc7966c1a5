import type { Command } from 'commander';
import { findToken } from '../../../access/issue.ts';
import { showTokens } from '../../../access/token.ts';
import { printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';
import { momentInWords } from './words.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('one token, whole, but for its hash')
    .description('One token with its true state. Never a secret or a hash.')
    .argument('<token>', 'the token: its id, the end of it, or its label if no other live token has it')
    .action(
      ending(cli, async (id) => {
        const { registry } = await (await cli.store()).read('registry');
        const now = cli.world.clock();
        const { token_id } = findToken(registry, id, now);
        const token = showTokens(registry, now).find((each) => each.token_id === token_id);
        if (token === undefined) throw new Error('a token that was found is shown');
        if (cli.output.json) {
          cli.output.value({ schema: 'palyra.tokens.show/1', token_record: withTimes(token) });
          return 'ok';
        }
        const when = (moment: number | null | undefined): string | undefined =>
          typeof moment === 'number' ? momentInWords(moment, now) : undefined;
        const successor = registry.api_tokens.find(({ rotated_from_token_id }) => rotated_from_token_id === token_id);
        const rows: readonly (readonly [string, string | null | undefined])[] = [
          ['id', token.token_id],
          ['label', token.label],
          ['state', token.state],
          ['principal', token.principal],
          ['workspace', token.workspace_id],
          ['role', token.role],
          ['scopes', token.scopes.join(' ')],
          ['limit', `${token.rate_limit_per_minute}/min`],
          ['begins with', token.token_prefix],
          ['created', when(token.created_at_unix_ms)],
          ['expires', when(token.expires_at_unix_ms) ?? 'never'],
          ['revoked', when(token.revoked_at_unix_ms)],
          ['last used', when(token.last_used_at_unix_ms)],
          ['rotated from', token.rotated_from_token_id],
          ['rotated into', successor?.token_id],
        ];
        for (const [name, value] of rows) if (value) cli.output.answer(`${name.padEnd(12)}  ${printable(value)}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'tokens are off at first', command: 'palyra flags enable api_tokens --with-deps' },
      { says: 'a token', command: 'palyra tokens mint --label ci' },
      { says: 'look at it', command: 'palyra tokens show ci' },
    ],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
