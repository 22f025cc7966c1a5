import type { Command } from 'commander';
import type { ClaimAnswer } from '../../../flows/claim-approval.ts';
import { PAYLOAD_BYTES } from '../../../store/bounds.ts';
import { nameWords, printable } from '../../../text.ts';
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
    .option('--tool <tool>', 'the tool that is about to be executed; with another than was approved nothing is used up')
    .option('--skill <skill>', 'the skill, likewise')
    .option('--action <action>', 'the action, likewise')
    .option('--resource <resource>', 'the resource, likewise')
    .action(
      ending(cli, async (id: string, { input, ...named }) => {
        const payload = (await cli.world.files()).readBytes(input, { bytes: PAYLOAD_BYTES, what: 'input' });
        const { claimApproval } = await import('../../../flows/claim-approval.ts');
        const { answer } = await claimApproval(await openGateDesk(cli), id, { payload, named });
        return sayClaim(cli, answer);
      }),
    );
  return worded(verb, {
    about: `Exit 0: make the call, now and once. 10: denied, timed out, lapsed, revoked, or policy says no meanwhile. 11: nobody
has answered yet. 4: it is used already, or this is not what was approved.

With --json a denial is an answer, JSON on standard output; an error is JSON on standard error, with nothing on standard
output. A token in PALYRA_TOKEN that is not valid is an error that exits with 10 too.

The input is not all that was approved: name the tool (or the action and its resource) that you are about to use, in the
words of request, and another than was approved is refused (approval.call_differs). With rbac on, what somebody else asked
for takes trust.operate.

An allow that is not claimed lapses as long after the answer as the question was given (request --timeout).`,
    examples: [
      {
        says: 'an executor asks, and claims right before it runs',
        command: `id=$(echo '{}' | palyra approvals request --action memory.purge --resource memory:all --input -); echo '{}' | palyra approvals claim $id --action memory.purge --resource memory:all --input -`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'conflict', 'forbidden', 'busy', 'deny', 'approval_required', 'unsafe_state'],
  });
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
      principal: approval.principal,
      action: approval.action,
      resource: approval.resource,
      tool_name: approval.tool_name ?? null,
      skill_id: approval.skill_id ?? null,
      payload_sha256: approval.payload_sha256,
    });
    return EXIT[outcome];
  }
  if (answer.outcome === 'allowed') {
    const allowed = output.paint.good(options.dryRun ? '✓ would allow' : '✓ ALLOW');
    output.answer(`${allowed}  ${printable(nameWords(approval.prompt.title))}, by ${groundWords(answer.authority)}`);
  } else {
    output.answer(`${output.paint.bad('✗ DENY')}   ${reasons[0]?.code ?? ''}`);
    for (const words of reasonWords(reasons)) output.answer(`  ${words}`);
  }
  return EXIT[outcome];
}
