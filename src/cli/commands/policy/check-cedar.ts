import { PalyraError } from '../../../errors.ts';
import { badLine, LINE_LIMIT, type LineOutcome } from '../../../flows/policy/check-batch.ts';
import {
  type CedarDesk,
  type CedarVerdict,
  evaluateCedar,
  openCedarDesk,
} from '../../../flows/policy/evaluate-cedar.ts';
import { asciiJson, printable } from '../../../text.ts';
import type { Cli } from '../../cli.ts';
import type { ExitName } from '../../exits.ts';
import { answerLines } from '../../lines.ts';
import { warnOfEmpty } from '../../policies.ts';
import { gravest } from './check-batch.ts';

interface CedarOptions {
  readonly policies: readonly string[];
  readonly schema?: string | undefined;
  readonly entities?: string | undefined;
  readonly links?: string | undefined;
  readonly validateRequest?: true | undefined;
  readonly request?: string | undefined;
  readonly batch?: string | undefined;
}

/** Evaluate any Cedar request against any policies: exactly Cedar's answer. */
export async function checkCedar(cli: Cli, options: CedarOptions): Promise<ExitName> {
  const files = await cli.world.files();
  const cedar = await cli.world.cedar({ throughput: options.batch !== undefined });
  const { policies, schema, entities, links, validateRequest = false } = options;
  const desk = openCedarDesk({ files, cedar }, { policies, schema, entities, links, validateRequest });
  warnOfEmpty(cli, desk.empty);
  if (options.batch !== undefined) return await answerAll(cli, desk, options.batch);
  const path = options.request ?? '-';
  const name = path === '-' ? 'standard input' : path;
  const verdict = evaluateCedar(desk, files.readText(path, { bytes: 4 * 1024 * 1024, what: 'request' }), name);
  say(cli, verdict);
  return verdict.decision === 'allow' ? 'ok' : 'deny';
}

function say(cli: Cli, { decision, matched, failed, value }: CedarVerdict): void {
  if (cli.output.json) {
    cli.output.value(value);
    return;
  }
  cli.output.answer(decision === 'allow' ? cli.output.paint.good('✓ ALLOW') : cli.output.paint.bad('✗ DENY'));
  for (const { policy, place } of matched) cli.output.answer(`  ${printable(policy)}   ${printable(place)}`);
  for (const { policy, place, message } of failed) {
    cli.output.answer(`  ! ${printable(policy)}   ${printable(place)}   ${printable(message)}`);
  }
}

async function answerAll(cli: Cli, desk: CedarDesk, path: string): Promise<ExitName> {
  const seen = new Set<LineOutcome>();
  await answerLines(cli, path, LINE_LIMIT, (line, number) => {
    const answer = typeof line === 'string' ? answerCedarLine(desk, line, number) : badLine(line, number);
    seen.add(answer.outcome);
    return answer.text;
  });
  return gravest(seen);
}

function answerCedarLine(desk: CedarDesk, line: string, number: number): { text: string; outcome: LineOutcome } {
  try {
    const { decision, value } = evaluateCedar(desk, line, 'the line');
    return { text: asciiJson(value), outcome: decision };
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    return badLine(error, number);
  }
}
