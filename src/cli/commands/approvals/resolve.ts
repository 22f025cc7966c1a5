import type { Command } from 'commander';
import { type Approval, SCOPES, type Scope, stateOf, type Verdict } from '../../../approvals/approval.ts';
import { PalyraError } from '../../../errors.ts';
import type { Desk } from '../../../flows/act.ts';
import { shortId } from '../../../ids.ts';
import { count, nearest, printable } from '../../../text.ts';
import { parseDuration, relative } from '../../../time.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
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
        if (options.decision === undefined) return await walkQueue(cli, ids);
        return await settleNamed(cli, ids, verdictFrom(cli, ids, options));
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

/** Show each pending approval and ask; a person may stop at any. */
async function walkQueue(cli: Cli, ids: readonly string[]): Promise<ExitName> {
  if (!canAsk(cli)) {
    throw new PalyraError('usage.terminal_needed', 'a person must answer, and there is no terminal', {
      why: 'standard input and standard error must be terminals: a pipe never approves',
      hint: 'palyra approvals resolve ID --decision allow --digest DIGEST   in a script that may',
    });
  }
  const [{ askApproval, wantsNext }, { settleApproval, settleOverdue }, { readApprovals }, { readPayload }] =
    await Promise.all([
      import('../../prompt-approval.ts'),
      import('../../../flows/settle-approval.ts'),
      import('../../../flows/find-approval.ts'),
      import('../../../flows/read-payload.ts'),
    ]);
  const desk = await openDesk(cli);
  const queue = await pendingOf(cli, desk, ids);
  if (queue.length === 0) cli.output.note('nothing is pending');
  let wasCutOff = false;
  for (const [i, approval] of queue.entries()) {
    if (!isStillPending(cli, approval)) continue;
    if (wasCutOff) {
      // what is being typed was meant for the one that is gone
      if (!(await wantsNext(cli))) break;
      wasCutOff = false;
      if (!isStillPending(cli, approval)) continue;
    }
    const now = cli.world.clock();
    cli.output.note(queueWords(queue, i, now));
    // without it, it can still be denied
    const payload = await readPayload(desk, approval).catch(asPalyraError);
    const said = await askApproval(cli, desk.store, { approval, payload, history: await readApprovals(desk), now });
    if (said === 'quit') break;
    if (said === 'gone') {
      await settleOverdue(desk);
      wasCutOff = true;
    }
    if (said === 'skip' || said === 'gone') continue;
    try {
      saySettled(cli, await settleApproval(desk, approval.approval_id, said));
    } catch (error) {
      // somebody else was first: told, and the queue goes on
      if (!(error instanceof PalyraError) || error.code !== 'store.conflict') throw error;
      cli.output.warn(error.message, error.hint);
      wasCutOff = true;
    }
  }
  return 'ok';
}

function asPalyraError(error: unknown): PalyraError {
  if (error instanceof PalyraError) return error;
  throw error;
}

function isStillPending({ world, output }: Cli, approval: Approval): boolean {
  const now = world.clock();
  if (stateOf(approval, now) === 'pending') return true;
  output.warn(`${shortId(approval.approval_id)}: ${standing(approval, now)}`);
  return false;
}

async function settleNamed(cli: Cli, ids: readonly string[], verdict: Verdict): Promise<ExitName> {
  await refuseScript(cli);
  const { settleApproval } = await import('../../../flows/settle-approval.ts');
  const desk = await openDesk(cli);
  for (const id of ids) saySettled(cli, await settleApproval(desk, id, verdict));
  return 'ok';
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
    const [near] = nearest(decision ?? '', ['allow', 'deny']);
    const hint = `did you mean ${near ?? 'deny'}?`;
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
  const [near]: Scope[] = nearest(scope, SCOPES) as Scope[];
  return near === undefined ? '--scope once' : `did you mean ${near}?`;
}

async function pendingOf(cli: Cli, desk: Desk, ids: readonly string[]): Promise<Approval[]> {
  const { approvals: book } = await desk.store.read('approvals');
  const now = cli.world.clock();
  const pending = book.approvals.filter((approval) => stateOf(approval, now) === 'pending');
  if (ids.length === 0) return pending;
  const { findApproval } = await import('../../../flows/find-approval.ts');
  return await Promise.all(ids.map((id) => findApproval(desk, id)));
}

function queueWords(queue: readonly Approval[], i: number, now: number): string {
  const oldest = Math.min(...queue.slice(i).map(({ expires_at_unix_ms }) => expires_at_unix_ms));
  return `\n${count(queue.length - i, 'approval')} pending, the first expires ${relative(oldest, now)}   [${i + 1}/${queue.length}]\n`;
}

type Settled = Awaited<ReturnType<typeof import('../../../flows/settle-approval.ts')['settleApproval']>>;

function saySettled({ output, world, options }: Cli, { answer: { approval, grant }, entry }: Settled): void {
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
