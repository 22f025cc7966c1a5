import { PalyraError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import { answerOf, CHECK_SCHEMA } from '../../policy/answer.ts';
import { decide, type PolicyDecision } from '../../policy/decision.ts';
import { type EvaluationConfig, establishFacts, readEvaluationConfig } from '../../policy/facts.ts';
import { outlineOf } from '../../policy/outline.ts';
import { Recent } from '../../policy/recent.ts';
import { normalizeRequest, readRecord, readRequest } from '../../policy/request.ts';
import { asciiJson } from '../../text.ts';
import type { PoliciesInForce } from './open-policies.ts';

/** How a line ended; of a batch, the gravest: bad input, then deny, then approval required. */
export type LineOutcome = 'allow' | 'approval_required' | 'deny' | 'bad_input';

/** One line of a batch, answered. */
export interface LineAnswer {
  /** one line of ASCII JSON, without its line feed */
  readonly text: string;
  readonly outcome: LineOutcome;
}

/** What a batch works with. */
export interface BatchDesk {
  readonly inForce: PoliciesInForce;
  readonly config: EvaluationConfig;
  /** a what-if: a line may bring its own configuration; otherwise that is bad input, for a request must not allow itself */
  readonly assumeConfig: boolean;
}

/** Longest line, in UTF-16 units. */
export const LINE_LIMIT = 1024 * 1024;

/** Answers one line by its number: `{"id"?, "principal", "action", "resource", "context"?, "config"?}`. */
export function openBatch(desk: BatchDesk): (line: string, number: number) => LineAnswer {
  const writeAnswer = openWriter();
  const ignored = PASSING.filter((attribute) => !desk.inForce.general.observes(attribute));
  const known = new Recent<string, Standing>(OUTLINES);
  return (line, number) => {
    const outline = outlineOf(line, ignored);
    const answered = outline === undefined ? undefined : known.get(outline.text);
    if (answered !== undefined) return withId(answered, outline?.id);
    const answer = answerLine(desk, writeAnswer, line, number);
    if (answer.standing !== undefined && outline !== undefined && outline.text.length <= OUTLINE_LENGTH) {
      // an id that is spelt in another way (`"id" : 7`) is still in the outline
      if (answer.standing.id === outline.id) known.set(outline.text, answer.standing);
    }
    return answer;
  };
}

/** What a session's requests differ in, and hardly any policy looks at. No fact of the gate depends on them. */
const PASSING = ['session_id', 'run_id', 'device_id'] as const;
const OUTLINES = 32_768;
const OUTLINE_LENGTH = 512;

/** An answer that holds for every line with the same outline, but for the id that it was first asked with. */
interface Standing {
  readonly id: string | number | undefined;
  /** without the id */
  readonly written: string;
  readonly outcome: LineOutcome;
}

function withId({ written, outcome }: Omit<Standing, 'id'>, id: string | number | undefined): LineAnswer {
  return { text: id === undefined ? written : `${HEAD}"id":${asciiJson(id)},${written.slice(HEAD.length)}`, outcome };
}

/** Never throws for bad input. `standing` is there if the answer depends on nothing that an outline leaves out. */
function answerLine(
  { inForce, config, assumeConfig }: BatchDesk,
  writeAnswer: WriteAnswer,
  line: string,
  number: number,
): LineAnswer & { readonly standing?: Standing | undefined } {
  let id: string | number | undefined;
  try {
    const read = readLine(line, assumeConfig);
    id = read.id;
    const lineConfig = read.config === undefined ? config : readEvaluationConfig(read.config);
    const request = normalizeRequest(readRequest(read.request));
    const decision = decide({ request, facts: establishFacts(request, lineConfig) }, lineConfig, inForce);
    const outcome = decision.decision === 'allow' ? 'allow' : decision.approvalRequired ? 'approval_required' : 'deny';
    // an error of a policy may quote the request
    if (decision.errors.length > 0) return { text: asciiJson(answerOf(decision, id)), outcome };
    const standing = { id, written: writeAnswer(decision), outcome } as const;
    return { ...withId(standing, id), standing };
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    return badLine(error, number, id);
  }
}

/** A line of a batch in its parts, which are still to be checked. */
export interface RequestLine {
  readonly id: string | number | undefined;
  readonly request: unknown;
  readonly config: unknown;
}

/**
 * Take a line apart.
 * @throws PalyraError input.invalid, input.too_large
 */
export function readLine(line: string, assumeConfig: boolean): RequestLine {
  if (line.length > LINE_LIMIT) {
    throw new PalyraError('input.too_large', 'the line is too long', { why: `the limit is ${LINE_LIMIT}` });
  }
  const { id, config, ...request } = readRecord(parseJson(line, { name: 'the line', depth: 32 }), 'a request');
  if (config !== undefined && !assumeConfig) {
    throw new PalyraError('input.invalid', 'a request must not bring its own configuration', {
      hint: 'palyra policy check --batch FILE --assume-config   answers what would be if it did',
    });
  }
  return { id: readId(id), request, config };
}

type WriteAnswer = (decision: PolicyDecision) => string;

/** Writes answers without ids; those of a batch are few, and writing one costs more than deciding it. */
function openWriter(): WriteAnswer {
  const known = new Recent<string, string>(4096);
  return (decision) => {
    const { request, facts } = decision;
    // each foreign text with its length, so that none runs into the next
    const texts = [request.tool, request.skill, ...request.capabilities, ...decision.matchedPolicies];
    let key: string = decision.reasonCode;
    key += Number(decision.approvalRequired);
    key += Number(facts.is_sensitive_action);
    key += Number(facts.is_allowlisted_tool);
    key += Number(facts.is_allowlisted_skill);
    key += Number(facts.is_tool_execute_principal_allowed);
    key += Number(facts.is_tool_execute_channel_allowed);
    key += request.capabilities.length;
    for (const text of texts) key += ` ${text.length}:${text}`;
    let written = known.get(key);
    if (written === undefined) {
      written = asciiJson(answerOf(decision));
      known.set(key, written);
    }
    return written;
  };
}

const HEAD = `{"schema":"${CHECK_SCHEMA}",`;

/** The answer to a line that is not a request. It says deny, for whoever reads no further. */
export function badLine({ code, message, why, hint }: PalyraError, number: number, id?: string | number): LineAnswer {
  const error = { code, message, why, hint };
  const answer = { schema: CHECK_SCHEMA, ...(id === undefined ? {} : { id }), line: number, decision: 'deny', error };
  return { text: asciiJson(answer), outcome: 'bad_input' };
}

/** @throws PalyraError input.invalid */
export function readId(value: unknown): string | number | undefined {
  // a number that was rounded would answer for another line
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
  if (typeof value === 'string' && value.length <= 256) return value;
  throw new PalyraError('input.invalid', 'id is a whole number up to 2^53, or a text of at most 256 characters');
}
