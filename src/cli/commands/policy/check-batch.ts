import { badLine, LINE_LIMIT, type LineOutcome, openBatch } from '../../../flows/policy/check-batch.ts';
import { evaluationConfigOf } from '../../../policy/facts.ts';
import type { Cli } from '../../cli.ts';
import type { ExitName } from '../../exits.ts';
import { answerLines } from '../../lines.ts';
import { openCheckDesk } from '../../policies.ts';

/** Answer a file of requests, one a line, in order, in bounded memory. */
export async function checkBatch(
  cli: Cli,
  options: { readonly batch: string; readonly policies: readonly string[]; readonly assumeConfig?: true | undefined },
): Promise<ExitName> {
  const { inForce, config } = await openCheckDesk(cli, options.policies);
  const answerLine = openBatch({
    inForce,
    config: evaluationConfigOf(config.settings),
    assumeConfig: options.assumeConfig === true,
  });
  const seen = new Set<LineOutcome>();
  await answerLines(cli, options.batch, LINE_LIMIT, (line, number) => {
    const answer = typeof line === 'string' ? answerLine(line, number) : badLine(line, number);
    seen.add(answer.outcome);
    return answer.text;
  });
  return gravest(seen);
}

/** 2 before 10 before 11 before 0. */
export function gravest(seen: ReadonlySet<LineOutcome>): ExitName {
  if (seen.has('bad_input')) return 'usage';
  if (seen.has('deny')) return 'deny';
  return seen.has('approval_required') ? 'approval_required' : 'ok';
}
