import type { Command } from 'commander';
import type { ApiToken } from '../../../access/registry.ts';
import { parseScope } from '../../../access/role.ts';
import { PalyraError } from '../../../errors.ts';
import type { Verification } from '../../../flows/access/verify-token.ts';
import { shortId } from '../../../ids.ts';
import { printable } from '../../../text.ts';
import { type Cli, ending, openDesk, stateRoot } from '../../cli.ts';
import { command, gather, worded } from '../../command.ts';
import { readSecret } from '../../secret.ts';
import { withTimes } from '../../times.ts';
import { expiryInWords } from './words.ts';

export function verify(cli: Cli): Command {
  const verb = command('verify')
    .summary('is this secret valid, and may it do this')
    .description(
      'Hold a secret from standard input, or a file, against the tokens, the scopes asked for and its rate limit.',
    )
    .option('--secret-file <file>', 'read the secret from a file (- for standard input)', '-')
    .option('--scope <scope>', 'what it is used for (repeatable)', gather, [])
    .argument('[secret]')
    .action(
      ending(cli, async (secret, { secretFile, scope }) => {
        if (secret !== undefined) throw onCommandLine();
        const scopes = scope.map((word) => parseScope(word));
        const { verifyToken } = await import('../../../flows/access/verify-token.ts');
        const verdict = await verifyToken(
          {
            ...(await openDesk(cli)),
            rates: await cli.world.rates(stateRoot(cli)),
            unkept: (what, { message }) => cli.output.warn(`${what} could not be kept: ${message}`),
          },
          await readSecret(cli, secretFile, HOW),
          scopes,
        );
        if (cli.output.json) cli.output.value({ schema: 'palyra.tokens.verify/1', ...verdictRecord(verdict) });
        else cli.output.answer(inWords(verdict, cli));
        return verdict.valid ? 'ok' : 'deny';
      }),
    );
  return worded(verb, {
    about: `Exit 0 is valid, 10 is not. An unknown, malformed, revoked or expired secret is answered alike; the journal knows
which. A genuine token is told what it lacks: the scope (missing_scope), or patience (rate_limited, with the seconds).
Each valid answer counts as a use; with --dry-run none is counted, and the limit is not asked.

A secret is never an argument: other processes can read those.`,
    examples: [
      { says: 'tokens are off at first', command: 'palyra flags enable api_tokens --with-deps' },
      { says: 'a token', command: '(umask 077; palyra tokens mint --label ci > ci.secret)' },
      { says: 'verify it', command: 'palyra tokens verify --scope compat.chat.create < ci.secret' },
      { says: 'the same', command: 'palyra tokens verify --scope compat.chat.create --secret-file ci.secret --json' },
    ],
    exits: ['ok', 'usage', 'not_found', 'busy', 'deny', 'unsafe_state'],
  });
}

const HOW = 'palyra tokens verify < FILE   or --secret-file FILE';

function onCommandLine(): PalyraError {
  return new PalyraError('usage.secret_argument', 'a secret on the command line is refused', {
    why: 'arguments are readable by other processes and stay in the shell history',
    hint: HOW,
  });
}

function verdictRecord(verdict: Verification) {
  if (verdict.valid) return { valid: true, ...identity(verdict.token) };
  const { valid, reason: reason_code } = verdict;
  if (verdict.reason === 'missing_scope') return { valid, reason_code, ...verdict.missing };
  if (verdict.reason === 'rate_limited') return { valid, reason_code, retry_after_seconds: seconds(verdict.waitMs) };
  return { valid, reason_code };
}

function identity({ token_id, label, principal, workspace_id, role, scopes, expires_at_unix_ms }: ApiToken) {
  return withTimes({ token_id, label, principal, workspace_id, role, scopes, expires_at_unix_ms });
}

function inWords(verdict: Verification, { world, output: { paint } }: Cli): string {
  if (verdict.valid) {
    const { token } = verdict;
    const who = `${shortId(token.token_id)} ${printable(token.label)}`;
    return `${paint.good('✓ valid')}  ${who}  ${printable(token.principal)}  ${expiryInWords(token, world.clock())}`;
  }
  if (verdict.reason === 'invalid') return `${paint.bad('✗ invalid')}`;
  if (verdict.reason === 'rate_limited') {
    return `${paint.bad('✗ rate_limited')}  try again in ${seconds(verdict.waitMs)} s`;
  }
  const { scope, flag } = verdict.missing;
  return `${paint.bad('✗ missing_scope')}  ${scope}${flag === undefined ? '' : ` (flag ${flag} is off)`}`;
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}
