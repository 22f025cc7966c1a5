import { type Approval, isAlwaysAsked, stateOf } from '../approvals/approval.ts';
import { type ApprovalBook, callsOf } from '../approvals/book.ts';
import { findGrant, type Grant } from '../approvals/grant.ts';
import type { SealedProposal } from '../approvals/proposal.ts';
import { decide, type Evaluator, type PolicyDecision } from '../policy/decision.ts';
import { establishFacts } from '../policy/facts.ts';
import { type Posture, type PostureRules, postureOf } from '../posture/posture.ts';
import { refuseSkill } from '../posture/skill.ts';

/** What the gate decides by. */
export interface GateRules extends PostureRules {
  readonly evaluator: Evaluator;
  readonly book: ApprovalBook;
  /** an approval that is being claimed for this call */
  readonly approval?: Approval;
}

/** What was looked at on the way, whatever came of it. Holds the call it is about. */
export interface GateSteps {
  readonly call: SealedProposal;
  /** undefined when no tool is named */
  readonly posture: Posture | undefined;
  readonly policy: PolicyDecision;
}

/** The gate's answer. Only an allow holds an authority, and nothing runs without one. */
export type GateDecision = Allow | Ask | Deny;
export interface Allow extends GateSteps {
  readonly decision: 'allow';
  readonly authority: Authority;
}
export interface Ask extends GateSteps {
  readonly decision: 'ask';
  readonly why: string;
}
export interface Deny extends GateSteps {
  readonly decision: 'deny';
  readonly reasons: readonly [Reason, ...Reason[]];
}

/** Why not: for programs and for people. */
export interface Reason {
  readonly code: string;
  readonly words: string;
}

/** What lets a call run. */
export type Ground =
  | { readonly kind: 'policy' }
  | { readonly kind: 'grant'; readonly grant: Grant }
  | { readonly kind: 'approval'; readonly approval: Approval };

declare const made: unique symbol;
/** The right to make one call, once. Made here alone: from a deny, or from something that waits, nobody can make one. */
export interface Authority {
  readonly [made]: true;
  readonly call: SealedProposal;
  readonly ground: Ground;
}

/**
 * The whole way of a tool call: posture, Cedar, skill and budget each may refuse it, all reasons at once; what is left is
 * asked for if anything asks, unless a grant or an approval already speaks for exactly this call.
 */
export function passGate(call: SealedProposal, rules: GateRules): GateDecision {
  const posture = postureOf(call.request, rules);
  const facts = establishFacts(call.request, rules.config);
  const policy = decide({ request: call.request, facts }, rules.config, rules.evaluator);
  const steps: GateSteps = { call, posture, policy };

  const [refusal, ...others] = [
    ...postureRefusal(posture),
    ...policyRefusal(policy),
    ...skillRefusal(call, rules),
    ...budgetRefusal(call, rules),
  ];
  if (refusal !== undefined) return { decision: 'deny', ...steps, reasons: [refusal, ...others] };

  const why = whyAsk(steps);
  if (why === undefined) return allow(steps, { kind: 'policy' });
  const grant = isAlwaysAsked(call) ? undefined : findGrant(rules.book.grants, call, rules.now);
  if (grant !== undefined) return allow(steps, { kind: 'grant', grant });
  const { approval } = rules;
  if (approval !== undefined && speaksFor(approval, call, rules.now))
    return allow(steps, { kind: 'approval', approval });
  return { decision: 'ask', ...steps, why };
}

function allow(steps: GateSteps, ground: Ground): Allow {
  return { decision: 'allow', ...steps, authority: { call: steps.call, ground } as Authority };
}

/** What was approved is what runs: the same digest, not used yet. */
function speaksFor(approval: Approval, call: SealedProposal, now: number): boolean {
  return stateOf(approval, now) === 'allowed' && approval.request_sha256 === call.requestSha256;
}

function postureRefusal(posture: Posture | undefined): Reason[] {
  if (posture?.state !== 'disabled') return [];
  const code = posture.source === 'locked' ? 'posture.locked' : 'posture.disabled';
  return [{ code, words: `${posture.tool} is disabled: ${posture.why}` }];
}

/** A deny that an approval would lift is no refusal: it is asked for. */
function policyRefusal({
  decision,
  approvalRequired,
  reasonCode,
  matchedPolicies,
  missingGrants,
}: PolicyDecision): Reason[] {
  if (decision === 'allow' || approvalRequired) return [];
  const forbids = matchedPolicies.length === 0 ? 'nothing permits it' : `forbidden by ${matchedPolicies.join(', ')}`;
  return [{ code: reasonCode, words: `${forbids}; missing: ${missingGrants.join(', ')}` }];
}

function skillRefusal({ request }: SealedProposal, { settings }: GateRules): Reason[] {
  const refusal = refuseSkill(request, settings);
  return refusal === undefined ? [] : [refusal];
}

function budgetRefusal({ request }: SealedProposal, { settings, book }: GateRules): Reason[] {
  const { max_calls_per_run: most } = settings.tool_call;
  if (most === 0) return [];
  if (request.runId === '') {
    return [
      { code: 'budget.run_not_named', words: 'calls are counted per run (max_calls_per_run), and no run is named' },
    ];
  }
  if (callsOf(book, request.runId) < most) return [];
  return [{ code: 'budget.exhausted', words: `the run has made the ${most} calls that max_calls_per_run allows` }];
}

/** Why a person has to look, or undefined if nothing asks. */
function whyAsk({ call, posture, policy }: GateSteps): string | undefined {
  const subject = call.request.tool === '' ? call.request.action : call.request.tool;
  if (isAlwaysAsked(call)) return `palyra always asks for ${subject}`;
  if (call.asks !== undefined) return call.asks;
  if (posture?.state === 'ask_each_time') return `${subject} is ask_each_time: ${posture.why}`;
  if (policy.decision === 'allow') return undefined;
  if (isLifted(call, posture, policy)) return undefined;
  return `${subject} is sensitive: ${policy.reasonCode}`;
}

/** An always_allow that somebody set for this tool lifts the baseline's own forbid, and no other. */
function isLifted({ request }: SealedProposal, posture: Posture | undefined, policy: PolicyDecision): boolean {
  const wasSet = posture?.state === 'always_allow' && posture.source !== 'default';
  const onlyBaseline = policy.matchedPolicies.every((id) => id === 'deny_sensitive_without_approval');
  return wasSet && request.action === 'tool.execute' && onlyBaseline && policy.errors.length === 0;
}
