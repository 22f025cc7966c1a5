import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import type { PolicyJson } from '../../src/policy/engine.ts';
import { type Observed, observe, observeAll } from '../../src/policy/observe.ts';

const cedar = openCedar();
const ALL: Observed = { principal: true, action: true, resource: true, context: 'every attribute', entities: true };
const NOTHING: Observed = { principal: false, action: false, resource: false, context: new Set(), entities: false };

test.each<[string, Partial<Observed>]>([
  ['true', {}],
  ['principal == Principal::"a"', { principal: true }],
  ['Principal::"a" == Principal::"b"', {}],
  ['principal in Principal::"a" || action in [Action::"a"]', { principal: true, action: true }],
  ['resource is Resource in Resource::"a"', { resource: true }],
  ['resource is Resource in principal', { principal: true, resource: true }],
  ['context.a == "x"', { context: new Set(['a']) }],
  ['context["a b"] like "x*"', { context: new Set(['a b']) }],
  ['context has a', { context: new Set(['a']) }],
  ['context has a.b', { context: new Set(['a']), entities: true }],
  ['context.a.b', { context: new Set(['a']), entities: true }],
  ['if context.a then context.b else context.c', { context: new Set(['a', 'b', 'c']) }],
  ['[1, {x: context.a}].isEmpty()', { context: new Set(['a']) }],
  ['ip(context.a).isInRange(ip("10.0.0.0/8"))', { context: new Set(['a']) }],
  ['datetime(context.a).offset(duration(context.b)).toTime() == duration("1h")', { context: new Set(['a', 'b']) }],
  ['!(-(context.a) + context.b * 2 - 1 <= 3)', { context: new Set(['a', 'b']) }],
  ['context.a.containsAny([context.b])', { context: new Set(['a', 'b']) }],
  ['resource.owner == "x"', { resource: true, entities: true }],
  ['Resource::"a" has owner', { entities: true }],
  ['principal.hasTag(context.a)', { principal: true, context: new Set(['a']), entities: true }],
  ['principal.getTag("a") == 1', { principal: true, entities: true }],
  ['context == {}', ALL],
  ['[context].contains({a: 1})', ALL],
  ['false && context has a && (context) != {}', ALL],
])('when { %s } observes', (condition, observed) => {
  expect(observe(jsonOf(`permit (principal, action, resource) when { ${condition} };`))).toEqual({
    ...NOTHING,
    ...observed,
  });
  expect(observe(jsonOf(`forbid (principal, action, resource) when { true } unless { ${condition} };`))).toEqual({
    ...NOTHING,
    ...observed,
  });
});

test.each<[string, Partial<Observed>]>([
  ['principal, action, resource', {}],
  ['principal == Principal::"a", action, resource', { principal: true }],
  ['principal, action in [Action::"a"], resource', { action: true }],
  ['principal, action, resource is Resource in Resource::"a"', { resource: true }],
])('a scope (%s) observes', (scope, observed) => {
  expect(observe(jsonOf(`permit (${scope});`))).toEqual({ ...NOTHING, ...observed });
});

test('a slot observes what is compared with it', () => {
  const template = cedar.templateJson('permit (principal == ?principal, action, resource in ?resource);');
  expect(template.ok && observe(template.value)).toEqual({ ...NOTHING, principal: true, resource: true });
});

test.each([
  { unheardOf: { left: { Value: 1 } } },
  { '==': { left: { Value: 1 }, right: { Value: 1 }, third: { Var: 'context' } } },
  { '!': { arg: { Value: true } }, neg: { arg: { Value: 1 } } },
  { unknown: [{ Value: 'x' }] },
  { '.': { left: null, attr: 'a' } },
  { '!': 5 },
  { '!': 'x' },
  { '!': null },
  { Set: 5 },
  { Record: null },
  {},
])('what is not understood observes everything: %j', (expression) => {
  const policy = {
    ...jsonOf('permit (principal, action, resource);'),
    conditions: [{ kind: 'when', body: expression }],
  };
  expect(observe(policy as PolicyJson)).toEqual(ALL);
});

test('policies together observe what any of them does', () => {
  const one = { ...NOTHING, principal: true, context: new Set(['a']) };
  const other = { ...NOTHING, resource: true, context: new Set(['b']), entities: true };
  expect(observeAll([one, other])).toEqual({
    ...{ principal: true, action: false, resource: true, entities: true },
    context: new Set(['a', 'b']),
  });
  expect(observeAll([one, ALL])).toEqual(ALL);
  expect(observeAll([])).toEqual(NOTHING);
});

function jsonOf(text: string): PolicyJson {
  const json = cedar.policyJson(text);
  if (!json.ok) throw new Error(`${text}: ${json.errors[0]?.message}`);
  return json.value;
}
