import type { Command } from 'commander';
import { showToken } from '../../../access/token.ts';
import { shortId } from '../../../ids.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, gather, worded } from '../../command.ts';
import { parseCount } from '../../numbers.ts';
import { noteKindless } from '../../principal.ts';
import { requireReader, showSecret } from '../../secret.ts';
import { withTimes } from '../../times.ts';
import { openIssuingDesk, rightsInWords } from './words.ts';

/** A mint takes 50 ms of JSON by then, and is refused over 64 MiB. */
const MANY = 5000;

export function mint(cli: Cli): Command {
  const verb = command('mint')
    .summary('make a token; its secret is shown once')
    .description('Make a token. The secret is printed on stdout, once; only its SHA-256 is kept.')
    .requiredOption('--label <label>', 'what it is for')
    .option('--scope <scope>', "what it may do (repeatable; default: all of the role's permissions)", gather, [])
    .option('--principal <principal>', 'whom it authenticates (default: yourself)')
    .option('--workspace <workspace>', 'bind it to a workspace: slug, id or its end')
    .option('--role <role>', 'operator, admin or owner (default: operator)')
    .option('--expires <when>', '15m, 12h, 30d, an RFC 3339 time, or never (default)')
    .option('--rate-limit <n>', 'uses a minute, 10 to 10000 (default: 120)', parseCount('--rate-limit'))
    .action(
      ending(cli, async ({ label, scope, principal, workspace, role, expires, rateLimit }) => {
        await requireReader(cli);
        noteKindless(cli, principal);
        const { mintToken } = await import('../../../flows/access/mint-token.ts');
        const { answer, changed } = await mintToken(await openIssuingDesk(cli), {
          label,
          scopes: scope,
          principal,
          workspace,
          role,
          expires,
          perMinute: rateLimit,
        });
        const { token, secret, tokens } = answer;
        if (tokens >= MANY) {
          cli.output.warn(
            `there are ${tokens} tokens, and the file that holds them is written whole`,
            'palyra tokens list',
          );
        }
        const now = cli.world.clock();
        if (cli.output.json) {
          const record = withTimes(showToken(token, false, now));
          const shown = changed ? { token: secret } : {};
          cli.output.value({ schema: 'palyra.tokens.mint/1', ...shown, token_record: record, changed });
        } else {
          const did = changed ? `minted ${shortId(token.token_id)}` : 'would mint a token';
          cli.output.note(`${did} for ${rightsInWords(token, now)}`);
        }
        if (changed) await showSecret(cli, secret, `palyra tokens revoke ${token.token_id}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Needs the flag api_tokens. Nothing is printed before the token is on stable storage.

Nobody hands on more than they have: with rbac on, or with PALYRA_TOKEN, scopes and role are within your own, a token
of a workspace needs api_tokens.manage there, and one without a workspace is for yourself. Without rbac whoever can
write the state is trusted. The principal of a workspace's token is always one of its members.`,
    examples: [
      { says: 'tokens are off at first', command: 'palyra flags enable api_tokens --with-deps' },
      {
        says: 'a token for thirty days',
        command: 'palyra tokens mint --label ci-compat --scope compat.chat.create --expires 30d',
      },
      { says: 'into a file that only you can read', command: '(umask 077; palyra tokens mint --label ci > ci.secret)' },
    ],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
