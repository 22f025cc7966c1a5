import { type Approval, stateOf } from '../../../approvals/approval.ts';
import { PalyraError } from '../../../errors.ts';
import type { Acted, Desk } from '../../../flows/act.ts';
import type { Settled } from '../../../flows/settle-approval.ts';
import { shortId } from '../../../ids.ts';
import { count } from '../../../text.ts';
import { relative } from '../../../time.ts';
import { type Cli, openDesk } from '../../cli.ts';
import { canAsk } from '../../prompt.ts';
import { standing } from './words.ts';

/**
 * Show each pending approval and ask; a person may stop at any.
 * @param ids those that are named; none: all that are pending
 * @param told hears what was decided
 * @throws PalyraError usage.terminal_needed, interrupted (Ctrl-C), store.*
 */
export async function walkQueue(
  cli: Cli,
  ids: readonly string[],
  told: (settled: Acted<Settled>) => void,
): Promise<void> {
  if (!canAsk(cli)) {
    throw new PalyraError('usage.terminal_needed', 'a person must answer, and there is no terminal', {
      why: 'standard input and standard error must be terminals: a pipe never approves',
      hint: 'palyra approvals resolve ID --decision allow --digest DIGEST   in a script that may',
    });
  }
  const [{ askApproval, wantsNext }, { settleApproval, settleOverdue }, { readApprovals }, { readPayload }] =
    await Promise.all([
      import('./prompt-approval.ts'),
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
      told(await settleApproval(desk, approval.approval_id, said));
    } catch (error) {
      // somebody else was first: told, and the queue goes on
      if (!(error instanceof PalyraError) || error.code !== 'store.conflict') throw error;
      cli.output.warn(error.message, error.hint);
      wasCutOff = true;
    }
  }
}

async function pendingOf(cli: Cli, desk: Desk, ids: readonly string[]): Promise<Approval[]> {
  const { approvals: book } = await desk.store.read('approvals');
  const now = cli.world.clock();
  const pending = book.approvals.filter((approval) => stateOf(approval, now) === 'pending');
  if (ids.length === 0) return pending;
  const { findApproval } = await import('../../../flows/find-approval.ts');
  return await Promise.all(ids.map((id) => findApproval(desk, id)));
}

function isStillPending({ world, output }: Cli, approval: Approval): boolean {
  const now = world.clock();
  if (stateOf(approval, now) === 'pending') return true;
  output.warn(`${shortId(approval.approval_id)}: ${standing(approval, now)}`);
  return false;
}

function queueWords(queue: readonly Approval[], i: number, now: number): string {
  const oldest = Math.min(...queue.slice(i).map(({ expires_at_unix_ms }) => expires_at_unix_ms));
  return `\n${count(queue.length - i, 'approval')} pending, the first expires ${relative(oldest, now)}   [${i + 1}/${queue.length}]\n`;
}

function asPalyraError(error: unknown): PalyraError {
  if (error instanceof PalyraError) return error;
  throw error;
}
