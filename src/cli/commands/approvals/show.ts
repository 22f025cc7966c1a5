import type { Command } from 'commander';
import { printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { detailRows, screenRows } from './approval-screen.ts';
import { approvalJson, standing } from './words.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('one approval, with everything that it binds')
    .description('Show an approval with everything that it binds, the input whole.')
    .argument('<id>', 'the approval, or the end of its id')
    .action(
      ending(cli, async (id: string) => {
        const [{ findApproval, readApprovals }, { readPayload }] = await Promise.all([
          import('../../../flows/find-approval.ts'),
          import('../../../flows/read-payload.ts'),
        ]);
        const store = await cli.store();
        const now = cli.world.clock();
        const approval = await findApproval({ store }, id);
        const payload = await readPayload({ store }, approval);
        if (cli.output.json) {
          const input_base64 = Buffer.from(payload).toString('base64');
          cli.output.value({ schema: 'palyra.approvals.show/1', ...approvalJson(approval, now), input_base64 });
          return 'ok';
        }
        const view = { approval, payload, history: await readApprovals({ store }), now };
        const columns = cli.output.isTerminal ? cli.output.columns : 120;
        for (const row of [...screenRows(view, columns), ...detailRows(view, columns)]) cli.output.answer(row);
        cli.output.answer(`  ${printable(standing(approval, now))}`);
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      {
        says: 'ask for something, and look at it as the operator will',
        command: `id=$(echo '{}' | palyra approvals request --action memory.purge --resource memory:all --input -); palyra approvals show $id`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
