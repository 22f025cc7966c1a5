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
        const named = given.action === 'tool.execute' ? given.context.tool_name : given.context.skill_id;
        // beside a name there is no other resource
        const normalized = normalizeRequest(named === undefined ? given : { ...given, resource: named });
        const context = gateContext(normalized, establishFacts(normalized, evaluation), evaluation.allowSensitiveTools);
        expect(keys.has(keyOf(context))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

test('what policies look at besides is sampled: their own values, what their patterns match, another, and none', () => {
  const own = named(
    'forbid(principal == Principal::"user:bob", action, resource) when { context.channel like "disc*" };',
  );
  const { contexts, sampled } = openSpace(cedar, own, ['tool.list']);
  expect(sampled).toEqual(['principal', 'channel']);
  const seen = [...contexts()].map(({ action, principal, channel }) => `${action} ${principal} ${channel}`);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toHaveLength(2 * 2 * 7);
  for (const channel of ['disc', 'discx', 'discother', 'zzz', 'other', ''])
    expect(seen).toContain(`tool.list user:bob ${channel}`);
});

/** Whether the space holds a request that one policy beside the baseline answers otherwise. */
function isFound(text: string): boolean {
  const own = [...BASELINE, ...named(text)];
  const [before, after] = [evaluatorOf('before', BASELINE), evaluatorOf('after', own)];
  const { contexts } = openSpace(cedar, [...BASELINE, ...own], ACTIONS);
  return [...contexts()].some((context) => findChange(before, after, context) !== undefined);
}

test.each([
  'context.action like "deploy.*" && context.action != "deploy."',
  'context.action like "deploy.*" && context.action != "deploy.x" && context.action != "deploy."',
  '!(context.action == "other" || context.action like "*.*")',
  '!(context.action == "some.other.action" || ["tool.list"].contains(context.action)) && context.action like "some.o*"',
  '!(context.channel == "" || context.channel == "other")',
  'context.capabilities == ["a", "b"]',
  'context.capabilities == ["a", "b", "c", "d", "e"]',
  '!(context.channel like "d*" || context.channel like "o*" || context.channel like "*z" || context.channel == "")',
  'context.channel like "a*" && context.channel like "*b"',
  'context.channel like "*a*" && context.channel like "*b*" && context.channel like "*c"',
  'context.session_id like "admin:*" && context.session_id != "admin:"',
  'context.principal == context.action',
  'context.principal != context.resource',
  '{a: context.channel}.a == "deep"',
  '[context.channel].contains(context.run_id) && context.run_id != ""',
  '(if context.is_sensitive_action then context.channel else context.device_id) == "x"',
  'resource == Resource::"tool:shell" && action == Action::"tool.execute" && context.tool_name == context.tool_name',
])('a permit that widens is found: %s', (condition) => {
  expect(isFound(`permit (principal, action, resource) when { ${condition} };`)).toBe(true);
});

describe('a space that is called whole', () => {
  // mostly of what can be whole, and now and then more
  const name = fc.constantFrom('a', 'b', 'other', 'some.other.action', 'tool.execute', 'tool.list');
  const flag = fc.constantFrom(
    'is_sensitive_action',
    'is_allowlisted_tool',
    'allow_sensitive_tools',
    'is_tool_execute_channel_allowed',
  );
  const { truth } = fc.letrec<{ truth: string }>((tie) => ({
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      flag.map((one) => `context.${one}`),
      name.map((one) => `context.action == "${one}"`),
      name.map((one) => `action == Action::"${one}"`),
      fc.tuple(name, name).map(([one, other]) => `action in [Action::"${one}", Action::"${other}"]`),
      fc.tuple(name, name).map(([one, other]) => `["${one}", "${other}"].contains(context.action)`),
      fc.constantFrom(
        'context has action',
        'action is Action',
        'context.action like "a*"',
        '[context.action] == ["b"]',
        'context.nothing',
      ),
      tie('truth').map((one) => `!(${one})`),
      fc
        .tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth'))
        .map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    ),
  }));
  const policies = fc
    .array(fc.tuple(fc.constantFrom('permit', 'forbid'), truth), { maxLength: 3 })
    .map((all) =>
      all.map(([effect, one], i) => `@id("p${i}") ${effect}(principal, action, resource) when { ${one} };`).join('\n'),
    );
  const asked = fc.tuple(
    fc.oneof(name, fc.constantFrom('c', 'ab', '')),
    fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    gateRequest,
  );

  test('and in which nothing changes, leaves no request that changes', () => {
    let whole = 0;
    fc.assert(
      fc.property(policies, policies, fc.array(asked, { minLength: 30, maxLength: 30 }), (old, next, requests) => {
        const sides = [named(old), named(next)] as const;
        const { contexts, sampled } = openSpace(cedar, sides.flat(), ['tool.execute', 'tool.list']);
        if (sampled.length > 0) return;
        const [before, after] = [evaluatorOf('before', sides[0]), evaluatorOf('after', sides[1])];
        if ([...contexts()].some((context) => findChange(before, after, context) !== undefined)) return;
        whole++;
        for (const [action, [runs], request] of requests) {
          const gates = action === 'tool.execute' ? runs === true : true;
          const context = {
            ...request,
            action,
            is_tool_execute_principal_allowed: gates,
            is_tool_execute_channel_allowed: gates,
          };
          expect(plainOutcome(sides[0], context)).toBe(plainOutcome(sides[1], context));
        }
      }),
      { numRuns: 200 },
    );
    expect(whole).toBeGreaterThan(40);
  });
});
