import type { Command } from 'commander';
import type { ClaimAnswer } from '../../../flows/claim-approval.ts';
import { PAYLOAD_BYTES } from '../../../store/bounds.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { openGateDesk } from '../../gate-desk.ts';
import { decisionJson, groundWords, reasonWords } from './words.ts';

export function claim(cli: Cli): Command {
  const verb = command('claim')
    .summary('use up an approval, right before the call is made')
    .description('Use up an approval, right before the call is made: once, and only for the input that was approved.')
    .argument('<id>', 'the approval, or the end of its id')
    .requiredOption('--input <file>', 'the input that is about to be used (- for standard input)')
    .action(
      ending(cli, async (id: string, { input }) => {
        const payload = (await cli.world.files()).readBytes(input, { bytes: PAYLOAD_BYTES, what: 'input' });
        const { claimApproval } = await import('../../../flows/claim-approval.ts');
        const { answer } = await claimApproval(await openGateDesk(cli), id, { payload });
        return sayClaim(cli, answer);
      }),
    );
  return worded(verb, {
    about: `Exit 0: make the call, now and once. 10: denied, timed out, lapsed, revoked, or policy says no meanwhile. 11: nobody
has answered yet. 4: it is used already, or this is not what was approved.

An allow that is not claimed lapses as long after the answer as the question was given (request --timeout).`,
    examples: [
      {
        says: 'an executor asks, and claims right before it runs',
        command: `id=$(echo '{}' | palyra approvals request --action memory.purge --resource memory:all --input -); echo '{}' | palyra approvals claim $id --input -`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'deny', 'approval_required', 'unsafe_state'],
  }) as unknown as Command;
}

const EXIT = {
  allowed: 'ok',
  pending: 'approval_required',
  denied: 'deny',
  conflict: 'conflict',
} as const satisfies Record<ClaimAnswer['outcome'], ExitName>;

function sayClaim({ output, world, options }: Cli, answer: ClaimAnswer): ExitName {
  const { approval, outcome } = answer;
  const reasons = answer.outcome === 'allowed' ? [] : answer.reasons;
  if (output.json) {
    output.value({
      schema: 'palyra.approvals.claim/1',
      decision: outcome === 'allowed' ? 'allow' : outcome === 'pending' ? 'ask' : 'deny',
      reason_code: reasons[0]?.code ?? 'approval.allowed',
      reasons,
      changed: outcome === 'allowed' && !options.dryRun,
      ...decisionJson(approval, world.clock()),
      payload_sha256: approval.payload_sha256,
    });
    return EXIT[outcome];
  }
  if (answer.outcome === 'allowed')
    output.answer(`${output.paint.good('✓ ALLOW')}  by ${groundWords(answer.authority)}`);
  else {
    output.answer(`${output.paint.bad('✗ DENY')}   ${reasons[0]?.code ?? ''}`);
    for (const words of reasonWords(reasons)) output.answer(`  ${words}`);
  }
  return EXIT[outcome];
}
