import { gateContext } from '../../policy/decision.ts';
import { type Change, findChange } from '../../policy/difference.ts';
import type { Cedar } from '../../policy/engine.ts';
import type { GateContext } from '../../policy/evaluator.ts';
import { type EvaluationConfig, establishFacts } from '../../policy/facts.ts';
import { type NormalizedRequest, normalizeRequest, readRequest } from '../../policy/request.ts';
import { openSpace, type Space } from '../../policy/space.ts';
import { readLine } from './check-batch.ts';
import type { PoliciesInForce } from './open-policies.ts';

/** Two sets of policies, each with the baseline as it would be in force. */
export interface DiffDesk {
  readonly before: PoliciesInForce;
  readonly after: PoliciesInForce;
  readonly config: EvaluationConfig;
}

/** A line of requests, compared. */
export interface ComparedLine {
  readonly id: string | number | undefined;
  readonly request: NormalizedRequest;
  readonly change: Change | undefined;
}

/**
 * Compare how one line of a batch is answered.
 * @throws PalyraError input.invalid, input.too_large
 */
export function compareLine({ before, after, config }: DiffDesk, line: string): ComparedLine {
  const { id, request: given } = readLine(line, false);
  const request = normalizeRequest(readRequest(given));
  const context = gateContext(request, establishFacts(request, config), config.allowSensitiveTools);
  return { id, request, change: findChange(before, after, context) };
}

/** Requests of one action that change in the same way. */
export interface ChangedCases extends Change {
  readonly action: string;
  readonly cases: number;
  /** one of them */
  readonly example: GateContext;
}

export interface ComparedSpace extends Pick<Space, 'sampled'> {
  readonly cases: number;
  readonly changes: readonly ChangedCases[];
}

/**
 * Compare all requests that the policies of both sides can tell apart.
 * @param actions those that are known
 * @param progress told of every request
 * @throws PalyraError input.too_large
 */
export function compareSpace(
  cedar: Cedar,
  { before, after }: Pick<DiffDesk, 'before' | 'after'>,
  actions: readonly string[],
  progress: (done: number) => void,
): ComparedSpace {
  const { contexts, sampled } = openSpace(cedar, [...before.policies, ...after.policies], actions);
  const found = new Map<string, ChangedCases>();
  let cases = 0;
  for (const context of contexts()) {
    progress(++cases);
    const change = findChange(before, after, context);
    if (change === undefined) continue;
    const key = JSON.stringify([context.action, change]);
    const known = found.get(key);
    found.set(key, {
      ...change,
      action: context.action,
      cases: (known?.cases ?? 0) + 1,
      example: known?.example ?? context,
    });
  }
  return { cases, sampled, changes: [...found.values()] };
}
