import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import type { Cedar, CedarCall } from '../../src/policy/engine.ts';
import { type GateContext, openEvaluator } from '../../src/policy/evaluator.ts';
import { namePolicies, splitPolicies } from '../../src/policy/source.ts';

const REQUEST: GateContext = {
  action: 'tool.execute',
  resource: 'tool:a',
  principal: 'user:ops',
  device_id: '',
  channel: 'cli',
  session_id: 's',
  run_id: 'r',
  tool_name: 'a',
  skill_id: '',
  capabilities: ['network'],
  is_sensitive_action: false,
  is_allowlisted_tool: true,
  is_allowlisted_skill: false,
  is_tool_execute_principal_allowed: true,
  is_tool_execute_channel_allowed: true,
  allow_sensitive_tools: false,
};
const ALLOWLISTED = `@id("allow") permit (principal, action == Action::"tool.execute", resource) when { context.is_allowlisted_tool };
@id("other") forbid (principal, action == Action::"cron.delete", resource);`;
const ALLOW = { kind: 'answer', decision: 'allow', reason: ['allow'], errors: [] };
const FAILURE = { kind: 'failure', messages: ['Cedar stopped'] } as const;
const HALF = { kind: 'failure', messages: [expect.stringContaining('surrogate')] };

test.each([
  ['by action and facts', ALLOWLISTED, 'principal resource'],
  ['by principal', '@id("allow") permit (principal == Principal::"user:ops", action, resource);', 'resource'],
  ['by resource', '@id("allow") permit (principal, action, resource == Resource::"tool:a");', 'principal'],
])('requests that policies %s do not tell apart are asked once', (_, policies, others) => {
  const { evaluator, calls } = open(policies);
  for (let n = 0; n < 1000; n++) {
    const other = Object.fromEntries(others.split(' ').map((name) => [name, `${name} ${n}`]));
    const passing = { session_id: `s${n}`, run_id: `r${n}`, device_id: `d${n}`, channel: `c${n}`, tool_name: `t${n}` };
    const request = { ...REQUEST, ...other, ...passing, skill_id: `k${n}`, capabilities: [`${n}`] };
    expect(evaluator.evaluate(request)).toEqual(ALLOW);
  }
  expect(calls.length).toBeLessThan(20);
});

test('a fact that policies look at is told to Cedar, and nothing else is', () => {
  const { evaluator, calls, slots } = open(ALLOWLISTED);
  for (let n = 0; n < 20; n++) evaluator.evaluate(REQUEST);
  const early = calls.length;
  for (const is_allowlisted_tool of [true, false]) evaluator.evaluate({ ...REQUEST, is_allowlisted_tool });
  expect(calls.length).toBe(early + 1);
  expect(calls.at(-1)).toMatchObject({ context: '{"is_allowlisted_tool":false}', entities: '[]' });
  // action and facts need no slices
  expect(slots).toEqual(['test']);
});

test('a single check prepares all policies, and no part of them', () => {
  const { evaluator, slots } = open(
    '@id("allow") permit (principal, action, resource == Resource::"tool:a"); @id("b") permit (principal, action, resource == Resource::"b"); @id("c") permit (principal, action, resource == Resource::"c");',
  );
  const denied = evaluator.evaluate({ ...REQUEST, resource: 'other' });
  evaluator.evaluateApproved({ ...REQUEST, resource: 'other' }, denied);
  expect(slots).toEqual(['test']);
  for (let n = 0; n < 20; n++) expect(evaluator.evaluate(REQUEST)).toEqual(ALLOW);
  expect(slots).toHaveLength(2);
});

test('policies that look at entities tell requests apart by what those are made of, and by nothing else', () => {
  const { evaluator, calls } = open('@id("allow") permit (principal, action, resource) unless { Tool::"b" has x };');
  for (let n = 0; n < 20; n++) evaluator.evaluate(REQUEST);
  const early = calls.length;
  for (let n = 0; n < 20; n++) {
    expect(evaluator.evaluate({ ...REQUEST, session_id: `s${n}`, is_sensitive_action: n % 2 === 0 })).toEqual(ALLOW);
  }
  expect(calls.length).toBe(early);
  evaluator.evaluate({ ...REQUEST, tool_name: '', channel: 'slack' });
  expect(calls.length).toBe(early + 1);
  const types = JSON.parse(calls.at(-1)?.entities ?? '').map(({ uid }: { uid: { type: string } }) => uid.type);
  expect(types).toEqual(['Principal', 'Action', 'Resource', 'Channel']);
});

test('texts that join to the same are told apart', () => {
  const { evaluator } = open(
    'permit (principal, action, resource) when { context.channel like "a" && context.session_id like "b*" };',
  );
  for (let n = 0; n < 20; n++) evaluator.evaluate(REQUEST);
  const decide = (channel: string, session_id: string) => evaluator.evaluate({ ...REQUEST, channel, session_id });
  expect(decide('a', 'b,c')).toMatchObject({ decision: 'allow' });
  expect(decide('a,b', 'c')).toMatchObject({ decision: 'deny' });
  expect(decide('c', 'a,b')).toMatchObject({ decision: 'deny' });
});

test('what no policy observes must be readable all the same, every time', () => {
  const { evaluator } = open(ALLOWLISTED);
  const long = Array.from({ length: 100 }, (_, n) => `${n}${'x'.repeat(3000)}`);
  for (let n = 0; n < 20; n++) {
    expect(evaluator.evaluate({ ...REQUEST, session_id: '\ud800' })).toEqual(HALF);
    expect(evaluator.evaluate({ ...REQUEST, capabilities: ['\udc00'] })).toEqual(HALF);
    expect(evaluator.evaluate({ ...REQUEST, capabilities: long })).toMatchObject({ kind: 'failure' });
    expect(evaluator.evaluate(REQUEST)).toEqual(ALLOW);
  }
});

test('an answer with an error, or none at all, is never remembered', () => {
  const { evaluator, calls } = open('@id("bad") forbid (principal, action, resource) when { context.nothing };');
  for (let n = 0; n < 40; n++) {
    const before = calls.length;
    expect(evaluator.evaluate(REQUEST)).toMatchObject({ decision: 'deny', errors: [{ policyId: 'bad' }] });
    expect(calls.length).toBeGreaterThan(before);
    expect(JSON.parse(calls.at(-1)?.context ?? '')).toEqual(REQUEST);
  }
});

test('an engine that failed once is asked again', () => {
  let failing = false;
  const cedar = openCedar();
  const decide: Cedar['decide'] = (slot, call) => (failing ? FAILURE : cedar.decide(slot, call));
  const evaluator = openEvaluator({ ...cedar, decide }, 'test', namePolicies(splitPolicies(ALLOWLISTED, 't.cedar')));
  for (let n = 0; n < 16; n++) evaluator.evaluate(REQUEST);
  failing = true;
  expect(evaluator.evaluate(REQUEST)).toEqual(FAILURE);
  failing = false;
  expect(evaluator.evaluate(REQUEST)).toEqual(ALLOW);
});

test('what an approval would change is asked once, and not remembered when Cedar could not say it', () => {
  let failing = false;
  let asked = 0;
  const cedar = openCedar();
  const decide: Cedar['decide'] = (slot, call) => {
    asked++;
    return failing ? FAILURE : cedar.decide(slot, call);
  };
  const sensitive = '@id("allow") permit (principal, action, resource) when { context.allow_sensitive_tools };';
  const evaluator = openEvaluator({ ...cedar, decide }, 'test', namePolicies(splitPolicies(sensitive, 't.cedar')));
  for (let n = 0; n < 20; n++) evaluator.evaluate(REQUEST);
  const denied = evaluator.evaluate(REQUEST);
  expect(denied).toMatchObject({ decision: 'deny' });
  failing = true;
  expect(evaluator.evaluateApproved(REQUEST, denied)).toEqual(FAILURE);
  failing = false;
  expect(evaluator.evaluateApproved(REQUEST, denied)).toEqual(ALLOW);
  const early = asked;
  expect(evaluator.evaluateApproved({ ...REQUEST, run_id: 'other' }, denied)).toEqual(ALLOW);
  expect(asked).toBe(early);
});

test.each([
  ['context.run_id == "r1"', true],
  ['context["run_id"] == "r1"', true],
  ['context["run_\\u{69}d"] == "r1"', true],
  ['context has run_id', true],
  ['[context].contains({})', true],
  ['context.tool_name == "run_id"', false],
  ['context.tool_name == "x" // run_id', false],
  ['Channel::"cli" has owner', false],
  ['principal == Principal::"run_id"', false],
])('whether policies look at the run: when { %s } %s', (condition, isObserved) => {
  const observes = (policy: string) => open(`${ALLOWLISTED}\n${policy}`).evaluator.observes('run_id');
  expect(observes(`permit (principal, action, resource) when { ${condition}\n};`)).toBe(isObserved);
  // a link of a template may look at anything
  expect(observes('permit (principal == ?principal, action, resource);')).toBe(true);
});

test('however many tools policies name, few slots are used', () => {
  const texts = Array.from(
    { length: 1000 },
    (_, n) => `@id("p${n}") permit (principal, action, resource) when { context.tool_name == "t${n}" };`,
  );
  const { evaluator, slots } = open(texts.join('\n'));
  for (let n = 0; n < 1000; n++) {
    expect(evaluator.evaluate({ ...REQUEST, tool_name: `t${n}` })).toEqual({ ...ALLOW, reason: [`p${n}`] });
  }
  for (let n = 0; n < 1000; n += 100) {
    expect(evaluator.evaluate({ ...REQUEST, tool_name: `t${n}` })).toEqual({ ...ALLOW, reason: [`p${n}`] });
  }
  expect(new Set(slots).size).toBeLessThanOrEqual(128);
});

test('of many policies, a call whose uids are not written in the one plain way is answered by all of them', () => {
  const many = Array.from(
    { length: 300 },
    (_, n) => `@id("p${n}") permit (principal == T::"p${n}", action, resource);`,
  );
  const { evaluator } = open(`${many.join('\n')}\n@id("odd") permit (principal == T::"a\\"b", action, resource);`);
  const call = { action: '{"type":"A","id":"a"}', resource: '{"type":"R","id":"r"}', context: '{}', entities: '[]' };
  for (const principal of ['{"type":"T","id":"p7"}', '{"id":"p7","type":"T"}', '{ "type":"T","id":"\\u00707"}']) {
    expect(evaluator.evaluateCall({ ...call, principal })).toEqual({ ...ALLOW, reason: ['p7'] });
  }
  const odd = JSON.stringify({ type: 'T', id: 'a"b' });
  expect(evaluator.evaluateCall({ ...call, principal: odd })).toEqual({ ...ALLOW, reason: ['odd'] });
});

test('linked templates take part, each by the name of its link', () => {
  const { evaluator } = open(`${ALLOWLISTED}\n@id("stop") forbid (principal == ?principal, action, resource);`, [
    { templateId: 'stop', newId: 'stop eve', values: { '?principal': { type: 'Principal', id: 'user:eve' } } },
  ]);
  for (let n = 0; n < 40; n++) {
    expect(evaluator.evaluate(REQUEST)).toEqual(ALLOW);
    expect(evaluator.evaluate({ ...REQUEST, principal: 'user:eve' })).toMatchObject({
      decision: 'deny',
      reason: ['stop eve'],
    });
  }
});

test('policies that Cedar does not take are a failure, not an answer', () => {
  const { evaluator } = open(ALLOWLISTED, [{ templateId: 'none', newId: 'link', values: {} }]);
  expect(evaluator.evaluate(REQUEST)).toMatchObject({ kind: 'failure' });
});

function open(text: string, links: Parameters<typeof openEvaluator>[3] = []) {
  const calls: CedarCall[] = [];
  const slots: string[] = [];
  const cedar = openCedar();
  const watched: Cedar = {
    ...cedar,
    prepare: (slot, policies) => {
      slots.push(slot);
      return cedar.prepare(slot, policies);
    },
    decide: (slot, call) => {
      calls.push(call);
      return cedar.decide(slot, call);
    },
  };
  return {
    evaluator: openEvaluator(watched, 'test', namePolicies(splitPolicies(text, 't.cedar')), links),
    calls,
    slots,
  };
}
