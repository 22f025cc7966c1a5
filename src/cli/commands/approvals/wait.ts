import type { Command } from 'commander';
import type { Approval } from '../../../approvals/approval.ts';
import { printable } from '../../../text.ts';
import { parseDuration } from '../../../time.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { decisionJson, outcomeOf, standing } from './words.ts';

export function wait(cli: Cli): Command {
  const verb = command('wait')
    .summary('wait for the answer to an approval')
    .description('Wait until an approval is decided, or its time is over.')
    .argument('<id>', 'the approval, or the end of its id')
    .option('--timeout <duration>', 'wait no longer than this (default: until it expires)')
    .action(
      ending(cli, async (id: string, { timeout }) => {
        const waitMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout, '--timeout');
        const approval = await awaitDecisionFor(cli, id, waitMs);
        const now = cli.world.clock();
        const { exit, decision, code } = outcomeOf(approval, now);
        if (cli.output.json) {
          const schema = 'palyra.approvals.wait/1';
          cli.output.value({ schema, decision, reason_code: code, ...decisionJson(approval, now) });
        } else cli.output.answer(printable(standing(approval, now)));
        return exit;
      }),
    );
  return worded(verb, {
    about: 'Exit 0: allowed. 10: denied, or nobody answered in time. 8: still pending.',
    examples: [
      {
        says: 'ask, and wait a moment for the answer',
        command: `id=$(echo '{}' | palyra approvals request --action memory.purge --resource memory:all --input -); palyra approvals wait $id --timeout 1s`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'pending', 'deny', 'unsafe_state'],
  });
}

/** The approval once it is decided, or as it stands when the waiting is over; a time that has run out is written down. */
export async function awaitDecisionFor(cli: Cli, id: string, waitMs: number): Promise<Approval> {
  const [{ awaitDecision }, { settleOverdue }, desk] = await Promise.all([
    import('../../../flows/follow-approvals.ts'),
    import('../../../flows/settle-approval.ts'),
    openDesk(cli),
  ]);
  const approval = await awaitDecision(desk, id, waitMs);
  await settleOverdue(desk);
  return approval;
}
