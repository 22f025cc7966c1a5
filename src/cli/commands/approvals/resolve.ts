import type { Command } from 'commander';
import { SCOPES, type Verdict } from '../../../approvals/approval.ts';
import { PalyraError } from '../../../errors.ts';
import type { Acted } from '../../../flows/act.ts';
import type { Settled } from '../../../flows/settle-approval.ts';
import { shortId } from '../../../ids.ts';
import { nearest, printable } from '../../../text.ts';
import { parseDuration } from '../../../time.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { canAsk } from '../../prompt.ts';
import { decisionJson, standing } from './words.ts';

export function resolve(cli: Cli): Command {
  const verb = command('resolve')
    .summary('answer approvals: walk the queue on a terminal')
    .description('Answer pending approvals: on a terminal one by one, in a script those that are named.')
    .argument('[ids...]', 'approvals, or the ends of their ids (default: all that are pending)')
    .option('--decision <decision>', 'allow or deny, without being asked')
    .option('--digest <digest>', 'the request_sha256 that you saw, at least 8 characters of it: needed to allow')
    .option('--scope <scope>', 'once, session or timeboxed', 'once')
    .option('--ttl <duration>', 'how long a timeboxed grant lasts, at most 8h')
    .action(
      ending(cli, async (ids: string[], options) => {
        if (options.decision !== undefined) await settleNamed(cli, ids, verdictFrom(cli, ids, options));
        else {
          const { walkQueue } = await import('./queue.ts');
          await walkQueue(cli, ids, (settled) => saySettled(cli, settled));
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Whatever an agent can run must not be able to approve by itself: it takes a terminal on standard input and standard error,
or a token with trust.operate in PALYRA_TOKEN, or scripted_resolve = true under [approvals] in ~/.config/palyra/palyra.toml
or in a root-owned /etc/palyra/palyra.toml. --config, PALYRA_CONFIG and a project's file do not count, --yes neither.
This stops accidents, and agents that are contained. It does not stop a process that runs uncontained as you: that can set
a posture to always_allow, mint itself a token with trust.operate and answer with it, or make itself a terminal. Run agents
inside palyra exec, or as another uid.

An allow names the digest that was seen; if the request has another one, nothing is decided. --reason reaches the agent.
What is allowed must be claimed soon: it lapses as long after the answer as the question was given (15 min unless said
otherwise). A grant for a session or a time stands as long as it says.`,
    examples: [
      {
        says: 'in a script, with a token that has trust.operate in PALYRA_TOKEN',
        command: `id=$(echo '{}' | palyra approvals request --action memory.purge --resource memory:all --input -); palyra approvals resolve $id --decision deny --reason "use a branch"`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'unsafe_state', 'interrupted'],
  });
}

interface VerdictOptions {
  readonly decision?: string | undefined;
  readonly digest?: string | undefined;
  readonly scope: string;
  readonly ttl?: string | undefined;
}

async function settleNamed(cli: Cli, ids: readonly string[], verdict: Verdict): Promise<void> {
  await refuseScript(cli);
  const { settleApproval } = await import('../../../flows/settle-approval.ts');
  const desk = await openDesk(cli);
  for (const id of ids) saySettled(cli, await settleApproval(desk, id, verdict));
}

/** Who may answer without being asked. A token's right to is looked at under the lock. */
async function refuseScript(cli: Cli): Promise<void> {
  const { world } = cli;
  if (canAsk(cli) || world.token !== undefined) return;
  const { mayResolveScripted } = await import('../../../flows/scripted-resolve.ts');
  const account = world.account();
  if (mayResolveScripted({ files: await world.files() }, account)) return;
  throw new PalyraError('usage.terminal_needed', 'without a terminal, only who was trusted with it may answer', {
    why: `neither a token in PALYRA_TOKEN nor scripted_resolve in ${account.home}/.config/palyra/palyra.toml`,
    hint: 'palyra approvals resolve   on a terminal',
  });
}

function verdictFrom(cli: Cli, ids: readonly string[], { decision, digest, scope, ttl }: VerdictOptions): Verdict {
  const { reason } = cli.options;
  const given = reason === undefined ? {} : { reason };
  if (ids.length === 0) {
    throw new PalyraError('usage.invalid', 'no approval is named', {
      hint: 'palyra approvals list --decision pending',
    });
  }
  if (digest !== undefined && !/^[0-9a-f]{8,64}$/i.test(digest)) {
    throw new PalyraError('usage.invalid', '--digest is 8 to 64 hexadecimal characters', {
      hint: 'palyra approvals show ID',
    });
  }
  if (decision === 'deny') return { decision, ...given, ...(digest === undefined ? {} : { digest }) };
  if (decision !== 'allow') {
    const meansAllow = /^(allow|approve|yes|grant)/i.test(decision ?? '');
    const hint = meansAllow ? '--decision allow; for how long is --scope' : '--decision deny';
    throw new PalyraError('usage.invalid', '--decision is allow or deny', { hint });
  }
  if (digest === undefined || ids.length > 1) {
    throw new PalyraError('usage.invalid', 'an allow names the one approval and the digest that was seen', {
      hint: `palyra approvals show ${ids[0]}   then --digest with its request_sha256`,
    });
  }
  const wanted = SCOPES.find((known) => known === scope);
  if (wanted === undefined) {
    throw new PalyraError('usage.invalid', '--scope is once, session or timeboxed', { hint: nearestScope(scope) });
  }
  if (ttl !== undefined && wanted !== 'timeboxed') {
    throw new PalyraError('usage.invalid', '--ttl is for --scope timeboxed', { hint: '--scope timeboxed --ttl 1h' });
  }
  return {
    decision,
    scope: wanted,
    digest,
    ...given,
    ...(ttl === undefined ? {} : { ttlMs: parseDuration(ttl, '--ttl') }),
  };
}

function nearestScope(scope: string): string {
  const [near] = nearest(scope, SCOPES);
  return near === undefined ? '--scope once' : `did you mean ${near}?`;
}

function saySettled({ output, world, options }: Cli, { answer: { approval, grant }, entry }: Acted<Settled>): void {
  const now = world.clock();
  if (output.json) {
    output.value({
      schema: 'palyra.approvals.resolve/1',
      decision: approval.decision,
      ...decisionJson(approval, now),
      grant: grant ?? null,
      changed: entry !== null,
      journal_seq: entry,
    });
    return;
  }
  const would = options.dryRun ? 'would be ' : '';
  output.answer(
    `${would}${printable(standing(approval, now))}  ${shortId(approval.approval_id)}${entry === null ? '' : `, journal ${entry}`}`,
  );
  if (grant !== undefined)
    output.note(`grant ${shortId(grant.grant_id)}: palyra approvals grants revoke ${grant.grant_id}`);
}
