import type { EffectiveConfig } from '../../config/effective.ts';
import { findTool, toolNames } from '../../policy/catalog.ts';
import { decide, gateContext, type PolicyDecision } from '../../policy/decision.ts';
import type { Cedar } from '../../policy/engine.ts';
import { cedarCallOf } from '../../policy/evaluator.ts';
import {
  changedConfig,
  findNearMisses,
  findSmallestChange,
  type NearMiss,
  type SmallestChange,
} from '../../policy/explanation.ts';
import { type EvaluationConfig, establishFacts, evaluationConfigOf } from '../../policy/facts.ts';
import { type NormalizedRequest, normalizeRequest, type PolicyRequest } from '../../policy/request.ts';
import type { Constraint, NamedPolicy } from '../../policy/source.ts';
import { type Posture, type Postures, postureOf } from '../../posture/posture.ts';
import { refuseSkill } from '../../posture/skill.ts';
import { nearest } from '../../text.ts';
import type { PoliciesInForce } from './open-policies.ts';

/** A decision with everything that explains it. */
export interface ExplainedDecision extends PolicyDecision {
  readonly config: EvaluationConfig;
  /** the policies that decided, with their places */
  readonly matched: readonly NamedPolicy[];
  /** those that could not be evaluated */
  readonly failed: readonly NamedPolicy[];
  readonly nearMisses: readonly NearMiss[];
  readonly smallestChange: SmallestChange;
  /** how the requested tool would be treated before policy is asked; undefined when no tool is named, or in a what-if */
  readonly posture: Posture | undefined;
  /** what stands in the way of the call besides, once the smallest change is made; only where the gate is known */
  readonly afterwards: Obstacles;
  /** the action is named by no policy: most often a slip of the pen */
  readonly unknownAction: { readonly nearest: string | undefined } | undefined;
  /** the tool of the catalog that was probably meant by one that is neither there nor allowed */
  readonly meantTool: string | undefined;
}

/** What is not Cedar's to say. */
export interface Obstacles {
  readonly posture: Posture | undefined;
  /** why the skill is not run: `acme is quarantined in [skills]` */
  readonly skill: string | undefined;
}

/** What a check works with. */
export interface CheckDesk {
  readonly cedar: Cedar;
  readonly inForce: PoliciesInForce;
  readonly config: EffectiveConfig;
}

/** What was set of postures, as of now. */
export interface PostureView {
  readonly postures: Postures;
  /** the workspaces of a principal */
  readonly workspacesOf: (principal: string) => readonly string[];
  readonly now: number;
}

/**
 * Decide one request and explain the decision.
 * @throws PalyraError input.invalid for a request that contradicts itself
 */
export function checkPolicy(desk: CheckDesk, given: PolicyRequest, view: PostureView): ExplainedDecision {
  const { settings } = desk.config;
  const config = evaluationConfigOf(settings);
  const request = normalizeRequest(given);
  const facts = establishFacts(request, config);
  const decision = decide({ request, facts }, config, desk.inForce);
  const explained = explainDecision(desk, decision, config);
  const { postures, workspacesOf, now } = view;
  const rules = { settings, config, postures, workspaceIds: workspacesOf(request.principal), now };
  const changed = { ...rules, config: changedConfig(config, explained.smallestChange, decision) };
  return {
    ...explained,
    posture: postureOf(request, rules),
    afterwards: { posture: postureOf(request, changed), skill: refuseSkill(request, settings)?.words },
  };
}

/** Explain a decision, whatever configuration it was made in. Of postures it knows nothing. */
export function explainDecision(
  { cedar, inForce }: Pick<CheckDesk, 'cedar' | 'inForce'>,
  decision: PolicyDecision,
  config: EvaluationConfig,
): ExplainedDecision {
  const { request, facts } = decision;
  const isDenied = decision.decision === 'deny';
  const cedarCall = cedarCallOf(gateContext(request, facts, config.allowSensitiveTools));
  const { policies } = inForce;
  const candidates = policies.length <= FEW ? policies : policies.filter((policy) => mayMatch(policy, request));
  return {
    ...decision,
    config,
    matched: inForce.policies.filter(({ id }) => decision.matchedPolicies.includes(id)),
    failed: inForce.policies.filter(({ id }) => decision.errors.some(({ policy_id: failing }) => failing === id)),
    nearMisses: isDenied ? findNearMisses({ cedar, cedarCall, candidates }) : [],
    smallestChange: isDenied ? findSmallestChange(decision, { evaluator: inForce, config }) : [],
    posture: undefined,
    afterwards: { posture: undefined, skill: undefined },
    meantTool: facts.is_allowlisted_tool ? undefined : findMeantTool(request.tool),
    unknownAction: findUnknownAction(request.action, inForce.policies),
  };
}

// so many are probed at once; the build has rehearsed it with the baseline's
const FEW = 16;

/** By its head's action alone: Cedar is asked about the rest. */
function mayMatch({ scope: { action } }: NamedPolicy, request: NormalizedRequest): boolean {
  if (action.op === '==') return 'id' in action.entity && action.entity.id === request.action;
  if (action.op === 'in') return action.entities.some((entity) => !('id' in entity) || entity.id === request.action);
  return true;
}

function findUnknownAction(action: string, policies: readonly NamedPolicy[]): ExplainedDecision['unknownAction'] {
  const named = new Set(policies.flatMap(({ scope }) => actionsOf(scope.action)));
  return named.has(action) ? undefined : { nearest: nearest(action, named)[0] };
}

function findMeantTool(tool: string): string | undefined {
  return tool === '' || findTool(tool) !== undefined ? undefined : nearest(tool, toolNames())[0];
}

function actionsOf(constraint: Constraint): string[] {
  const entities = constraint.op === '==' ? [constraint.entity] : constraint.op === 'in' ? constraint.entities : [];
  return entities.flatMap((entity) => ('id' in entity ? [entity.id] : []));
}
