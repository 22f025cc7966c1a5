import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { answerOf } from '../../src/policy/answer.ts';
import { decide, type Evaluator, type PolicyDecision, settle } from '../../src/policy/decision.ts';
import type { CedarAnswer } from '../../src/policy/engine.ts';
import { openEvaluator } from '../../src/policy/evaluator.ts';
import { establishFacts, readEvaluationConfig } from '../../src/policy/facts.ts';
import { normalizeRequest, readRequest } from '../../src/policy/request.ts';
import { namePolicies, readPolicies } from '../../src/policy/source.ts';

const cedar = openCedar();
const BASELINE = readFileSync(join(import.meta.dirname, '../../policies/baseline.cedar'), 'utf8');
const PURGE = { principal: 'user:ops', action: 'memory.purge', resource: 'memory:all' };
const ECHO = { principal: 'user:ops', action: 'tool.execute', resource: 'tool:acme.echo' };

const CASES = readFileSync(join(import.meta.dirname, '../cases/policy.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

test.each(CASES)('$name is decided as expected', ({ request, config, expect: expected }) => {
  expect(answerOf(decideUnder(config, request))).toMatchObject(expected);
});

describe('an error in a policy', () => {
  const ALLOW = { kind: 'answer', decision: 'allow', reason: ['allow'] } as const;
  const effects = new Map([
    ['allow', 'permit'],
    ['broken', 'permit'],
    ['guard', 'forbid'],
  ] as const);
  const settled = (...failing: string[]) => {
    const errors = failing.map((policyId) => ({ policyId, message: 'no such attribute' }));
    return settle({ ...ALLOW, errors }, { effectOf: (id) => effects.get(id as 'allow') });
  };

  test('that forbids, or that nobody knows, denies, whatever else allows', () => {
    expect(settled()).toBe('allow');
    expect(settled('guard')).toBe('deny');
    expect(settled('broken', 'guard')).toBe('deny');
    expect(settled('unheard of')).toBe('deny');
  });

  test('that permits takes nothing away from what another permits', () => {
    expect(settled('broken')).toBe('allow');
  });

  test('is the reason of a deny that it made, and is told', () => {
    const text = `${BASELINE}@id("guard") forbid (principal, action, resource) when { context.nowhere };`;
    const lists = { allowlisted_tools: ['acme.echo'] };
    expect(decideUnder(lists, ECHO, text)).toMatchObject({
      decision: 'deny',
      reasonCode: 'policy.deny.evaluation_error',
      approvalRequired: false,
      errors: [{ policy_id: 'guard' }],
    });
    expect(decideUnder(lists, ECHO)).toMatchObject({
      ...{ decision: 'allow', reasonCode: 'policy.allow', approvalRequired: false },
      ...{ matchedPolicies: ['allow_allowlisted_tool_execute'], missingGrants: [], errors: [] },
    });
  });
});

test('an engine that cannot answer denies, and no approval helps', () => {
  const failure: CedarAnswer = { kind: 'failure', messages: ['Cedar stopped'] };
  const evaluator: Evaluator = {
    evaluate: () => failure,
    evaluateApproved: () => failure,
    effectOf: () => 'permit',
  };
  expect(decideWith(evaluator, { allow_sensitive_tools: true }, ECHO)).toMatchObject({
    decision: 'deny',
    reasonCode: 'policy.deny.evaluation_error',
    approvalRequired: false,
    matchedPolicies: [],
    errors: [{ message: 'Cedar stopped' }],
  });
});

describe('an approval', () => {
  test('is asked for only where it would turn the deny into an allow', () => {
    expect(decideUnder({}, PURGE)).toMatchObject({ decision: 'deny', approvalRequired: true });
    const forbidden = `${BASELINE}@id("never") forbid (principal, action == Action::"memory.purge", resource);`;
    expect(decideUnder({}, PURGE, forbidden)).toMatchObject({ decision: 'deny', approvalRequired: false });
    const failing = `${BASELINE}@id("guard") forbid (principal, action, resource) when { context.nowhere };`;
    expect(decideUnder({}, PURGE, failing)).toMatchObject({ decision: 'deny', approvalRequired: false });
  });

  test('is not asked for where sensitive tools are allowed anyway', () => {
    const evaluator: Evaluator = {
      evaluate: () => ({ kind: 'answer', decision: 'deny', reason: [], errors: [] }),
      evaluateApproved: () => ({ kind: 'answer', decision: 'allow', reason: ['x'], errors: [] }),
      effectOf: () => 'permit',
    };
    expect(decideWith(evaluator, { allow_sensitive_tools: true }, PURGE).approvalRequired).toBe(false);
    expect(decideWith(evaluator, {}, PURGE).approvalRequired).toBe(true);
  });
});

test('a deny says the first thing that stands in the way, and all that would have to be granted', () => {
  const said = (lists: object, request: object) => {
    const { reasonCode, missingGrants } = decideUnder(lists, request);
    return [reasonCode, ...missingGrants];
  };
  const gates = { tool_execute_principal_allowlist: ['user:ann'], tool_execute_channel_allowlist: ['cli'] };
  const everything = { ...gates, sensitive_tool_names: ['acme.echo'] };
  expect(said(everything, ECHO)).toEqual([
    'tool.execute.principal_not_allowlisted',
    'request_explicit_approval',
    'grant_tool_allowlist',
    'add_principal_to_tool_execute_allowlist',
    'add_channel_to_tool_execute_allowlist',
  ]);
  const asAnn = { ...ECHO, principal: 'user:ann' };
  expect(said(everything, asAnn)).toEqual([
    'tool.execute.channel_not_allowlisted',
    'request_explicit_approval',
    'grant_tool_allowlist',
    'add_channel_to_tool_execute_allowlist',
  ]);
  const onCli = { ...asAnn, context: { channel: 'cli' } };
  expect(said(everything, onCli)).toEqual([
    'policy.explicit_approval_required',
    'request_explicit_approval',
    'grant_tool_allowlist',
  ]);
  expect(said(gates, onCli)).toEqual(['tool.execute.tool_not_allowlisted', 'grant_tool_allowlist']);
  expect(said({}, { ...ECHO, action: 'skill.execute', resource: 'skill:acme.report' })).toEqual([
    'skill.execute.skill_not_allowlisted',
    'enable_or_allowlist_skill',
  ]);
  expect(said({}, { ...ECHO, action: 'odd.action' })).toEqual(['policy.baseline_deny', 'review_action_resource_scope']);
  const forbidden = `${BASELINE}@id("never") forbid (principal, action, resource);`;
  expect(decideUnder({ allowlisted_tools: ['acme.echo'] }, ECHO, forbidden)).toMatchObject({
    reasonCode: 'policy.baseline_deny',
    matchedPolicies: ['never'],
    missingGrants: ['review_action_resource_scope'],
  });
});

function decideUnder(lists: object, request: unknown, text = BASELINE): PolicyDecision {
  const policies = namePolicies(readPolicies(cedar, text, 'test.cedar'));
  const effects = new Map(policies.map(({ id, effect }) => [id, effect]));
  const evaluator = { ...openEvaluator(cedar, 'decision-test', policies), effectOf: (id: string) => effects.get(id) };
  return decideWith(evaluator, lists, request);
}

function decideWith(evaluator: Evaluator, lists: object, request: unknown): PolicyDecision {
  const config = readEvaluationConfig(lists);
  const normalized = normalizeRequest(readRequest(request));
  return decide({ request: normalized, facts: establishFacts(normalized, config) }, config, evaluator);
}
