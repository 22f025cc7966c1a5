import { type Evaluator, settle } from './decision.ts';
import type { CedarAnswer } from './engine.ts';
import type { GateContext } from './evaluator.ts';

/** How far a request gets, from least to most. */
export type Outcome = 'deny' | 'approval_required' | 'allow';

/** A request that two sets of policies answer differently. */
export interface Change {
  readonly kind: 'widens' | 'narrows';
  readonly before: Outcome;
  readonly after: Outcome;
  /** the policies that made the difference: forbids that are new or gone, else permits that are */
  readonly policies: readonly string[];
}

/** What becomes of a request when one set of policies takes the place of another; undefined: nothing changes. */
export function findChange(before: Evaluator, after: Evaluator, context: GateContext): Change | undefined {
  const one = judge(before, context);
  const other = judge(after, context);
  if (one.outcome === other.outcome) return undefined;
  const widens = OUTCOMES.indexOf(other.outcome) > OUTCOMES.indexOf(one.outcome);
  const [less, more] = widens ? [one, other] : [other, one];
  return {
    kind: widens ? 'widens' : 'narrows',
    before: one.outcome,
    after: other.outcome,
    // of a deny and an approval, what tells them apart shows once it is approved
    policies:
      more.outcome === 'allow' ? blame(less, less.plain, more.plain) : blame(less, less.approved, more.approved),
  };
}

const OUTCOMES: readonly Outcome[] = ['deny', 'approval_required', 'allow'];

interface Judged {
  readonly evaluator: Evaluator;
  readonly outcome: Outcome;
  readonly plain: CedarAnswer;
  readonly approved: CedarAnswer;
}

function judge(evaluator: Evaluator, context: GateContext): Judged {
  const plain = evaluator.evaluate(context);
  if (settle(plain, evaluator) === 'allow') return { evaluator, outcome: 'allow', plain, approved: plain };
  const approved = context.allow_sensitive_tools ? plain : evaluator.evaluateApproved(context, plain);
  const outcome = settle(approved, evaluator) === 'allow' ? 'approval_required' : 'deny';
  return { evaluator, outcome, plain, approved };
}

/** Forbids on the side that denies, with permits that it does not have; without forbids, the permits of the other side. */
function blame({ evaluator }: Judged, denying: CedarAnswer, allowing: CedarAnswer): readonly string[] {
  const permits = allowing.kind === 'answer' ? allowing.reason : [];
  if (denying.kind === 'failure') return permits;
  const failing = denying.errors.map(({ policyId }) => policyId).filter((id) => evaluator.effectOf(id) === 'forbid');
  const forbids = [...denying.reason.filter((id) => evaluator.effectOf(id) === 'forbid'), ...failing];
  if (forbids.length === 0) return permits;
  return [...new Set([...forbids, ...permits.filter((id) => evaluator.effectOf(id) === undefined)])].sort();
}
