import { type Approval, stateOf } from '../../../approvals/approval.ts';
import type { Desk } from '../../../flows/act.ts';
import type { Cli } from '../../cli.ts';
import { canAsk } from '../../prompt.ts';
import { awaitDecisionFor } from '../approvals/wait.ts';

/** Ask the person at the terminal; without one, or if they pass, wait as long as was said. */
export async function askOperator(
  cli: Cli,
  desk: Desk,
  approval: Approval,
  waitMs: number | undefined,
): Promise<Approval> {
  const asked = canAsk(cli) ? await askHere(cli, desk, approval) : approval;
  if (waitMs === undefined || stateOf(asked, cli.world.clock()) !== 'pending') return asked;
  cli.output.note(`waiting for an answer: palyra approvals resolve ${approval.approval_id}`);
  return await awaitDecisionFor(cli, approval.approval_id, waitMs);
}

async function askHere(cli: Cli, desk: Desk, approval: Approval): Promise<Approval> {
  const [{ askApproval }, { settleApproval }, { findApproval, readApprovals }] = await Promise.all([
    import('../approvals/prompt-approval.ts'),
    import('../../../flows/settle-approval.ts'),
    import('../../../flows/find-approval.ts'),
  ]);
  const payload = await desk.store.payload(approval.payload_sha256);
  const view = { approval, payload, history: await readApprovals(desk), now: cli.world.clock() };
  const said = await askApproval(cli, desk.store, view);
  if (said === 'skip' || said === 'quit') return approval;
  if (said === 'gone') return await findApproval(desk, approval.approval_id);
  return (await settleApproval(desk, approval.approval_id, said)).answer.approval;
}
