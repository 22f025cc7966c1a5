import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCedar } from '../../../src/adapters/cedar/cedar.ts';
import { type LineAnswer, openBatch } from '../../../src/flows/policy/check-batch.ts';
import type { Cedar } from '../../../src/policy/engine.ts';
import { openEvaluator } from '../../../src/policy/evaluator.ts';
import { readEvaluationConfig } from '../../../src/policy/facts.ts';
import { namePolicies, splitPolicies } from '../../../src/policy/source.ts';

const ALLOWLISTED =
  'permit (principal, action == Action::"tool.execute", resource) when { context.is_allowlisted_tool };';
const BY_SESSION = `${ALLOWLISTED} forbid (principal, action, resource) when { context.session_id == "s1" };`;
const BY_RUN_IN_QUOTES = `${ALLOWLISTED} forbid (principal, action, resource) when { context["run_\\u{69}d"] == "r1" };`;
const BY_WHOLE_CONTEXT = `${ALLOWLISTED} forbid (principal, action, resource) when { {a: context}.a.session_id == "s1" };`;
const FAILING = `${ALLOWLISTED} permit (principal, action, resource) when { context.nowhere == 1 };`;
const CONFIG = readEvaluationConfig({ allowlisted_tools: ['echo'] });

describe.each([
  ['that look at no session', ALLOWLISTED],
  ['that look at the session', BY_SESSION],
  ['that look at the run, spelt with an escape', BY_RUN_IN_QUOTES],
  ['that look at the whole context', BY_WHOLE_CONTEXT],
  ['of which one fails', FAILING],
])('policies %s', (_, policies) => {
  test('a line is answered as if it were the only one, whatever stood before it', () => {
    const counts = { allow: 0, approval_required: 0, deny: 0, bad_input: 0 };
    const desk = deskOf(policies);
    fc.assert(
      fc.property(fc.array(line, { minLength: 30, maxLength: 30 }), (lines) => {
        const together = openBatch(desk);
        for (const [index, each] of [...lines, ...lines].entries()) {
          const alone: LineAnswer = openBatch(desk)(each, index);
          const { text, outcome } = together(each, index);
          expect({ text, outcome }).toEqual({ text: alone.text, outcome: alone.outcome });
          counts[outcome]++;
        }
      }),
      { numRuns: 60 },
    );
    // a generator that brings forth nothing of one kind would prove little
    expect(counts.bad_input).toBeGreaterThan(200);
    expect(counts.allow + counts.deny).toBeGreaterThan(1000);
  });
});

test('lines that differ in what nothing looks at are told apart by nothing but their ids', () => {
  let asked = 0;
  const cedar = openCedar();
  const desk = deskOf(ALLOWLISTED, { ...cedar, decide: (slot, call) => count(() => cedar.decide(slot, call)) });
  const answer = openBatch(desk);
  const texts = Array.from({ length: 1000 }, (_, n) => {
    const context = { tool_name: 'echo', session_id: `s${n}`, run_id: `r${n}`, device_id: `d${n}` };
    const line = { id: n, principal: 'user:ops', action: 'tool.execute', resource: 'tool:echo', context };
    return answer(JSON.stringify(line), n + 1).text;
  });
  expect(texts.map((text) => JSON.parse(text).id)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  expect(new Set(texts.map((text) => text.replace(/"id":\d+,/, '')))).toHaveLength(1);
  expect(asked).toBeLessThan(5);

  function count<T>(work: () => T): T {
    asked++;
    return work();
  }
});

function deskOf(policies: string, cedar: Cedar = openCedar()) {
  const named = namePolicies(splitPolicies(policies, 'test.cedar'));
  const general = openEvaluator(cedar, 'test', named);
  const inForce = {
    policies: named,
    general,
    ignored: [],
    empty: [],
    evaluate: general.evaluate.bind(general),
    evaluateApproved: general.evaluateApproved.bind(general),
    effectOf: (id: string) => named.find((policy) => policy.id === id)?.effect,
  };
  return { inForce, config: CONFIG, assumeConfig: true };
}

/** Half of them well-formed; all of few pieces, so that many are alike but for what an outline leaves out. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('s1', 's2', 'r1', 'echo', '') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('é', '\0', '\t', '"', '\\', '\u007f', '\ud800', 'x'.repeat(300), '","id":"7', 'a:b,{}'),
  },
);
const context = fc.record(
  {
    session_id: value,
    run_id: value,
    device_id: value,
    tool_name: fc.constantFrom('echo', 'ls'),
    id: value,
    capabilities: fc.constantFrom([], ['network']),
  },
  { requiredKeys: [] },
);
const request = fc.record(
  {
    id: fc.oneof(value, fc.constantFrom(0, 1, 17, -1, 1.5, 2 ** 53 - 1, 2 ** 60, true, null)),
    principal: fc.constantFrom('user:ops', 'user:bob'),
    action: fc.constantFrom('tool.execute', 'cron.delete'),
    resource: fc.constantFrom('tool:echo', 'tool:ls', 'x'),
    context,
    session_id: value,
    config: fc.constantFrom({ allowlisted_tools: ['ls'] }, { id: '7' }),
  },
  { requiredKeys: ['principal', 'action', 'resource'] },
);
const wellFormed = request.map((each) => {
  const { session_id: stray, config, ...rest } = each;
  // members that are refused or replace everything come rarely
  return JSON.stringify(stray === '' ? each : config === undefined || stray === 's1' ? rest : { ...rest, config });
});
/** Alike but for what an outline leaves out. */
const alike = fc
  .tuple(fc.constantFrom('s1', 's2'), fc.constantFrom('r1', 'r2'), fc.constantFrom('user:ops', 'user:bob'))
  .map(([session_id, run_id, principal]) =>
    JSON.stringify({ principal, action: 'tool.execute', resource: 'tool:echo', context: { session_id, run_id } }),
  );
const line = fc.oneof(
  { weight: 6, arbitrary: alike },
  { weight: 5, arbitrary: wellFormed },
  { weight: 1, arbitrary: wellFormed.map((text) => text.replaceAll(':', ' : ').replaceAll(',', ', ')) },
  // pieces taken out, doubled, or put elsewhere
  {
    weight: 3,
    arbitrary: fc
      .tuple(wellFormed, fc.nat(200), fc.nat(200), fc.nat(40))
      .map(([text, from, to, length]) => text.slice(0, to) + text.slice(from, from + length) + text.slice(to)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(wellFormed, fc.nat(200), fc.nat(4))
      .map(([text, from, length]) => text.slice(0, from) + text.slice(from + length)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(wellFormed, fc.constantFrom('"session_id":"s1"', '"id":1', '"run_id":""'), fc.nat(200))
      .map(([text, piece, at]) => `${text.slice(0, at)}${piece},${text.slice(at)}`),
  },
);
