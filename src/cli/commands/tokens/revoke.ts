import type { Command } from 'commander';
import { showToken } from '../../../access/token.ts';
import { shortId } from '../../../ids.ts';
import { printable } from '../../../text.ts';
import { rfc3339 } from '../../../time.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';

export function revoke(cli: Cli): Command {
  const verb = command('revoke')
    .summary('end a token for good')
    .description('End a token for good. Revoking it again changes nothing: the first time is kept.')
    .argument('<token>', 'the token: its id, the end of it, or its label if no other live token has it')
    .action(
      ending(cli, async (id) => {
        const { revokeToken } = await import('../../../flows/access/revoke-token.ts');
        const { answer: token, changed, wouldChange } = await revokeToken(await openDesk(cli), id);
        const now = cli.world.clock();
        if (cli.output.json) {
          const record = withTimes(showToken(token, false, now));
          cli.output.value({ schema: 'palyra.tokens.revoke/1', token_record: record, changed });
          return 'ok';
        }
        const named = `${shortId(token.token_id)} ${printable(token.label)} of ${printable(token.principal)}`;
        if (changed) cli.output.note(`revoked ${named}`);
        else if (wouldChange) cli.output.note(`would revoke ${named}`);
        else cli.output.note(`${named} is revoked since ${rfc3339(token.revoked_at_unix_ms ?? now)}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: 'Needs no flag: a token can be ended while tokens are switched off.',
    examples: [
      { says: 'tokens are off at first', command: 'palyra flags enable api_tokens --with-deps' },
      { says: 'a token', command: 'palyra tokens mint --label ci' },
      { says: 'end it', command: "palyra tokens revoke ci --reason 'laptop lost'" },
    ],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
