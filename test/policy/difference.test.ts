import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { actionsOf } from '../../src/policy/cedar-schema.ts';
import { type Evaluator, gateContext, settle } from '../../src/policy/decision.ts';
import { findChange, type Outcome } from '../../src/policy/difference.ts';
import { cedarCallOf, type GateContext, openEvaluator } from '../../src/policy/evaluator.ts';
import { establishFacts, readEvaluationConfig } from '../../src/policy/facts.ts';
import { normalizeRequest } from '../../src/policy/request.ts';
import { type NamedPolicy, namePolicies, readPolicies } from '../../src/policy/source.ts';
import { openSpace } from '../../src/policy/space.ts';
import { gateRequest, gateRequests, policyBody, policyScope } from './cedar-arbitraries.ts';

const cedar = openCedar();
const FOLDER = join(import.meta.dirname, '../../policies');
const BASELINE = namePolicies(
  readPolicies(cedar, readFileSync(join(FOLDER, 'baseline.cedar'), 'utf8'), 'baseline.cedar'),
);
const ACTIONS = actionsOf(cedar, readFileSync(join(FOLDER, 'palyra.cedarschema'), 'utf8'));

const policySet = fc
  .array(fc.tuple(fc.constantFrom('permit', 'forbid'), policyScope, policyBody), { maxLength: 4 })
  .map((policies) => policies.map(([effect, scope, body], i) => `@id("p${i}") ${effect}(${scope})${body};`).join('\n'));

function named(text: string): NamedPolicy[] {
  return namePolicies(readPolicies(cedar, text, 'random.cedar'));
}

function evaluatorOf(slot: string, policies: readonly NamedPolicy[]): Evaluator {
  const evaluator = openEvaluator(cedar, slot, policies);
  const effects = new Map(policies.map(({ id, effect }) => [id, effect]));
  return { ...evaluator, effectOf: (id) => effects.get(id) };
}

/** The outcome by plain Cedar, told everything, remembering nothing. */
function plainOutcome(policies: readonly NamedPolicy[], context: GateContext): Outcome {
  const effects = new Map(policies.map(({ effect }, i) => [`policy${i}`, effect]));
  cedar.prepare('plain', { staticPolicies: policies.map(({ text }) => text).join('\n') });
  const decide = (asked: GateContext): 'allow' | 'deny' =>
    settle(cedar.decide('plain', cedarCallOf(asked)), { effectOf: (id) => effects.get(id) });
  if (decide(context) === 'allow') return 'allow';
  return decide({ ...context, allow_sensitive_tools: true }) === 'allow' ? 'approval_required' : 'deny';
}

describe('a difference', () => {
  test('is found exactly where deciding twice finds one, and names policies of the two sets', () => {
    const order: readonly Outcome[] = ['deny', 'approval_required', 'allow'];
    let changes = 0;
    fc.assert(
      fc.property(policySet, policySet, gateRequests, (old, next, contexts) => {
        const sides = [named(old), named(next)] as const;
        const [before, after] = [evaluatorOf('before', sides[0]), evaluatorOf('after', sides[1])];
        for (const context of contexts) {
          const one = plainOutcome(sides[0], context);
          const other = plainOutcome(sides[1], context);
          const change = findChange(before, after, context);
          if (one === other) expect(change).toBeUndefined();
          else {
            changes++;
            const kind = order.indexOf(other) > order.indexOf(one) ? 'widens' : 'narrows';
            expect(change).toMatchObject({ kind, before: one, after: other });
            expect(change?.policies).not.toEqual([]);
          }
        }
      }),
      { numRuns: 40 },
    );
    expect(changes).toBeGreaterThan(100);
  });

  test('is laid to forbids that are new or gone, and else to permits', () => {
    const allow = '@id("yes") permit(principal, action, resource);';
    const deny = '@id("no") forbid(principal, action, resource);';
    const [context] = fc.sample(gateRequest, { numRuns: 1, seed: 1 });
    if (context === undefined) throw new Error('no request');
    const change = (old: string, next: string) =>
      findChange(evaluatorOf('before', named(old)), evaluatorOf('after', named(next)), context)?.policies;
    expect(change('', allow)).toEqual(['yes']);
    expect(change(allow, '')).toEqual(['yes']);
    expect(change(allow, allow + deny)).toEqual(['no']);
    expect(change(allow + deny, allow)).toEqual(['no']);
    expect(change(deny, allow)).toEqual(['no', 'yes']);
    expect(change(deny, '')).toBeUndefined();
  });
});

describe('the space of the baseline', () => {
  const { contexts, sampled } = openSpace(cedar, BASELINE, ACTIONS);
  const keyOf = (context: GateContext): string =>
    JSON.stringify([context.action, ...Object.values(context).filter((value) => typeof value === 'boolean')]);

  test('is whole: 53 actions and one more with every flag that can be', () => {
    expect(sampled).toEqual([]);
    expect([...contexts()]).toHaveLength(53 * 16 + 64);
  });

  test('holds whatever a request and a configuration can come to', () => {
    const keys = new Set([...contexts()].map(keyOf));
    const name = fc.constantFrom('a', 'b', 'x.y');
    const names = fc.array(name, { maxLength: 2 });
    const config = fc.record({
      allowlisted_tools: names,
      allowlisted_skills: names,
      allow_sensitive_tools: fc.boolean(),
      sensitive_tool_names: names,
      sensitive_actions: fc.array(fc.constantFrom(...ACTIONS), { maxLength: 3 }),
      sensitive_capability_names: names,
      tool_execute_principal_allowlist: names,
      tool_execute_channel_allowlist: names,
    });
    const request = fc.record({
      principal: name,
      action: fc.oneof(fc.constantFrom('tool.execute', 'skill.execute'), fc.constantFrom(...ACTIONS)),
      resource: name.map((one) => `thing:${one}`),
      context: fc.record({ channel: name, tool_name: name, skill_id: name, capabilities: names }, { requiredKeys: [] }),
    });
    fc.assert(
      fc.property(request, config, (given, settings) => {
        const evaluation = readEvaluationConfig(settings);
        const normalized = normalizeRequest(given);
        const context = gateContext(normalized, establishFacts(normalized, evaluation), evaluation.allowSensitiveTools);
        expect(keys.has(keyOf(context))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

test('what policies look at besides is sampled: their own values, another, and none', () => {
  const own = named(
    'forbid(principal == Principal::"user:bob", action, resource) when { context.channel like "disc*" };',
  );
  const { contexts, sampled } = openSpace(cedar, own, ['tool.list']);
  expect(sampled).toEqual(['principal', 'channel']);
  const seen = [...contexts()].map(({ action, principal, channel }) => `${action} ${principal} ${channel}`);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toHaveLength(2 * 2 * 3);
  expect(seen).toContain('tool.list user:bob disc');
});
