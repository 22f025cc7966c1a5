import { checkPolicy, type ExplainedDecision } from '../../../flows/policy/check-policy.ts';
import { parseJson } from '../../../json.ts';
import { answerOf } from '../../../policy/answer.ts';
import { type PolicyRequest, readRequest } from '../../../policy/request.ts';
import { printable } from '../../../text.ts';
import { type Cli, shownPath } from '../../cli.ts';
import type { ExitName } from '../../exits.ts';
import { openCheckDesk, openPostures } from '../../policies.ts';
import { noteKindless } from '../../principal.ts';
import { explainInWords, grantSteps } from './explain.ts';

/** Decide one request, given as a record or as the path of its JSON, and explain the decision. */
export async function checkOne(
  cli: Cli,
  policies: readonly string[],
  given: PolicyRequest | string,
): Promise<ExitName> {
  const desk = await openCheckDesk(cli, policies);
  const request = typeof given === 'string' ? await readRequestFile(cli, given) : readRequest(given);
  const explained = checkPolicy(desk, request, await openPostures(cli));
  const configPath = shownPath(cli.world, desk.config.userPath);
  if (cli.output.json) cli.output.value(explainedAnswer(explained, configPath));
  else for (const line of explainInWords(explained, cli.output.paint, configPath)) cli.output.answer(line);
  if (explained.unknownAction !== undefined) cli.output.note(noteOf(explained.unknownAction));
  if (explained.meantTool !== undefined) cli.output.note(toolNote(explained));
  noteKindless(cli, explained.request.principal);
  if (explained.decision === 'allow') return 'ok';
  return explained.approvalRequired ? 'approval_required' : 'deny';
}

async function readRequestFile(cli: Cli, path: string): Promise<PolicyRequest> {
  const files = await cli.world.files();
  const name = path === '-' ? 'standard input' : path;
  return readRequest(parseJson(files.readText(path, { bytes: 4 * 1024 * 1024, what: 'request' }), { name, depth: 32 }));
}

function noteOf({ nearest }: { readonly nearest: string | undefined }): string {
  const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return `palyra: note:  no policy names this action${meant}`;
}

function toolNote({ request, meantTool }: ExplainedDecision): string {
  return `palyra: note:  the tool catalog has no ${printable(request.tool)}; did you mean ${meantTool}?`;
}

function explainedAnswer(explained: ExplainedDecision, configPath: string) {
  return {
    ...answerOf(explained),
    policies: explained.matched.map(({ id, effect, file, line }) => ({ id, effect, file, line })),
    near_misses: explained.nearMisses,
    smallest_change: explained.smallestChange.map((grant) => ({
      grant,
      step: grantSteps(explained, grant, configPath),
    })),
    posture: explained.posture ?? null,
    afterwards: { posture: explained.afterwards.posture ?? null, skill: explained.afterwards.skill ?? null },
  };
}
