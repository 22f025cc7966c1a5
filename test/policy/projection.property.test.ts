import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import type { Cedar, CedarAnswer, CedarCall } from '../../src/policy/engine.ts';
import { type GateContext, openEvaluator } from '../../src/policy/evaluator.ts';
import { namePolicies, splitPolicies } from '../../src/policy/source.ts';
import { compareText } from '../../src/text.ts';
import { entitiesFor, gateRequest, gateRequests, policyBody, policyScope } from './cedar-arbitraries.ts';

const opened = openCedar();
let asked = 0;
const cedar: Cedar = {
  ...opened,
  decide(slot, call) {
    if (slot !== 'plain') asked++;
    return opened.decide(slot, call);
  },
};
const WARM_UP = 16;

const policy = fc.tuple(fc.constantFrom('permit', 'permit', 'forbid'), policyScope, policyBody);

test('an answer is plain Cedar on all policies and the whole request', () => {
  let pairs = 0;
  const kinds = { allow: 0, deny: 0, errors: 0, remembered: 0 };
  fc.assert(
    fc.property(fc.array(policy, { minLength: 1, maxLength: 5 }), gateRequests, (policies, requests) => {
      const { evaluator, names } = open(policies);
      const [first] = requests;
      if (first === undefined) throw new Error('no request');
      for (let n = 0; n < WARM_UP; n++) evaluator.evaluate(first);
      for (const request of requests) {
        const plain = askPlainly(names, gateCall(request));
        const before = asked;
        const answer = evaluator.evaluate(request);
        const isRemembered = asked === before;
        expect(answer).toEqual(plain);
        const approved = { ...request, allow_sensitive_tools: true };
        expect(evaluator.evaluateApproved(request, answer)).toEqual(askPlainly(names, gateCall(approved)));
        pairs++;
        if (isRemembered) kinds.remembered++;
        if (plain.kind === 'answer') kinds[plain.decision]++;
        if (plain.kind === 'answer' && plain.errors.length > 0) kinds.errors++;
      }
    }),
    { numRuns: 260, endOnFailure: false },
  );
  expect(pairs).toBeGreaterThanOrEqual(10_000);
  // a generator that brings forth little of one kind would prove little
  for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(pairs / 20);
}, 180_000);

test('of many policies, a request of any kind is answered as by all of them', () => {
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: 300, maxLength: 300 }),
      fc.array(fc.tuple(gateRequest, entitiesFor), { minLength: 40, maxLength: 40 }),
      (policies, calls) => {
        const { evaluator, names } = open(policies);
        for (const [request, entities] of calls) {
          const call = {
            ...gateCall(request),
            entities: JSON.stringify(entities),
            context: '{"tool_name":"a","x":{"y":1}}',
          };
          expect(evaluator.evaluateCall(call)).toEqual(askPlainly(names, call));
          expect(evaluator.evaluate(request)).toEqual(askPlainly(names, gateCall(request)));
        }
      },
    ),
    { numRuns: 5, endOnFailure: true },
  );
});

/** The policies of a text, whose names sort in another order than they are written in, and the same text in plain Cedar. */
function open(parts: readonly (readonly [string, string, string])[]) {
  const text = parts
    .map(([effect, scope, body], place) => `@id("p${parts.length - place}")\n${effect} (${scope})${body};`)
    .join('\n');
  const plain = cedar.prepare('plain', { staticPolicies: text });
  if (!plain.ok) throw new Error(`${plain.errors[0]?.message}\n${text}`);
  const policies = namePolicies(splitPolicies(text, 'random.cedar'));
  return { evaluator: openEvaluator(cedar, 'evaluator', policies), names: policies.map(({ id }) => id) };
}

function askPlainly(names: readonly string[], call: CedarCall): CedarAnswer {
  const answer = cedar.decide('plain', call);
  if (answer.kind === 'failure') return answer;
  const nameOf = (id: string): string => names[Number(id.slice('policy'.length))] ?? id;
  return {
    ...answer,
    reason: answer.reason.map(nameOf).sort(compareText),
    errors: answer.errors
      .map(({ policyId, message }) => ({ policyId: nameOf(policyId), message }))
      .sort((a, b) => compareText(a.policyId, b.policyId)),
  };
}

/** The whole of a gate's request. */
function gateCall(context: GateContext): CedarCall {
  const uids = [
    { type: 'Principal', id: context.principal },
    { type: 'Action', id: context.action },
    { type: 'Resource', id: context.resource },
    ...(context.tool_name === '' ? [] : [{ type: 'Tool', id: context.tool_name }]),
    ...(context.skill_id === '' ? [] : [{ type: 'Skill', id: context.skill_id }]),
    ...(context.channel === '' ? [] : [{ type: 'Channel', id: context.channel }]),
  ];
  return {
    principal: JSON.stringify(uids[0]),
    action: JSON.stringify(uids[1]),
    resource: JSON.stringify(uids[2]),
    context: JSON.stringify(context),
    entities: JSON.stringify(uids.map((uid) => ({ uid, attrs: {}, parents: [] }))),
  };
}
