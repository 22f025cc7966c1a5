import type { Command } from 'commander';
import { showToken } from '../../../access/token.ts';
import type { Rotated } from '../../../flows/access/rotate-token.ts';
import { shortId } from '../../../ids.ts';
import { parseDuration, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { requireReader, showSecret } from '../../secret.ts';
import { withTimes } from '../../times.ts';
import { openIssuingDesk, rightsInWords } from './words.ts';

export function rotate(cli: Cli): Command {
  const verb = command('rotate')
    .summary('give a token a new secret')
    .description(
      'Make a successor with the same rights, and end the old token now, or after a grace, in the same change.',
    )
    .argument('<token>', 'the token: its id, the end of it, or its label if no other live token has it')
    .option('--grace <duration>', 'let the old secret work for so long: 15m, 12h')
    .option('--expires <when>', 'when the new one expires (default: as the old one)')
    .action(
      ending(cli, async (id, { grace, expires }) => {
        await requireReader(cli);
        const { rotateToken } = await import('../../../flows/access/rotate-token.ts');
        const graceMs = grace === undefined ? 0 : parseDuration(grace, '--grace');
        const { answer, changed } = await rotateToken(await openIssuingDesk(cli), id, { graceMs, expires });
        const { token, rotated, secret } = answer;
        const now = cli.world.clock();
        if (cli.output.json) {
          cli.output.value({
            schema: 'palyra.tokens.rotate/1',
            ...(changed ? { token: secret } : {}),
            token_record: withTimes(showToken(token, false, now)),
            rotated_token_record: withTimes(showToken(rotated, true, now)),
            changed,
          });
        } else {
          sayRotated(cli, answer, { graceMs, changed });
        }
        if (changed) await showSecret(cli, secret, `palyra tokens rotate ${token.token_id}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Label, scopes, principal, workspace, role, rate limit and expiry stay. A grace never makes the old token live longer
than it would have. A token that is revoked, expired or rotated already is not rotated.`,
    examples: [
      { says: 'tokens are off at first', command: 'palyra flags enable api_tokens --with-deps' },
      {
        says: 'a token, in a file that only you can read',
        command: '(umask 077; palyra tokens mint --label ci > ci.secret)',
      },
      {
        says: 'leaked: the old secret ends at once',
        command: "(umask 077; palyra tokens rotate ci --reason 'found in a log' > ci.secret)",
      },
      {
        says: 'planned: the old secret works for another quarter of an hour, until all have the new one',
        command: '(umask 077; palyra tokens rotate ci --grace 15m > ci.secret)',
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}

function sayRotated(
  { output, world }: Cli,
  { token, rotated }: Rotated,
  { graceMs, changed }: { readonly graceMs: number; readonly changed: boolean },
): void {
  const now = world.clock();
  const did = changed ? 'rotated' : 'would rotate';
  const into = changed ? ` into ${shortId(token.token_id)}` : '';
  output.note(`${did} ${shortId(rotated.token_id)}${into} for ${rightsInWords(token, now)}`);
  output.note(
    graceMs === 0
      ? `the old secret ${changed ? 'no longer works' : 'would stop working at once'}`
      : `the old secret ${changed ? 'works' : 'would work'} until ${rfc3339(rotated.expires_at_unix_ms ?? now)}`,
  );
}
