import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import type { CedarAnswer, CedarCall, PolicyJson } from '../../src/policy/engine.ts';
import { type GateContext, openEvaluator } from '../../src/policy/evaluator.ts';
import type { Constraint, NamedPolicy, Scope } from '../../src/policy/source.ts';
import { compareText } from '../../src/text.ts';
import { entitiesFor, gateRequest, gateRequests, policyBody, policyScope } from './cedar-arbitraries.ts';

const cedar = openCedar();
const WARM_UP = 16;

/** Policies with names that sort in another order than they are written in. */
const policySet = fc
  .array(fc.tuple(fc.constantFrom('permit', 'forbid'), policyScope, policyBody), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.map((part, place) => namePolicy(part, place, parts.length)));

test('an answer is plain Cedar on all policies and the whole request', () => {
  let pairs = 0;
  const kinds = { allow: 0, deny: 0, errors: 0 };
  fc.assert(
    fc.property(policySet, gateRequests, (policies, requests) => {
      const evaluator = openParsed(policies);
      const [first] = requests;
      if (first === undefined) throw new Error('no request');
      for (let n = 0; n < WARM_UP; n++) evaluator.evaluate(first);
      for (const request of requests) {
        const plain = askPlainly(policies, gateCall(request));
        expect(evaluator.evaluate(request)).toEqual(plain);
        pairs++;
        if (plain.kind === 'answer') kinds[plain.decision]++;
        if (plain.kind === 'answer' && plain.errors.length > 0) kinds.errors++;
      }
    }),
    { numRuns: 260, endOnFailure: false },
  );
  expect(pairs).toBeGreaterThanOrEqual(10_000);
  // a generator that only ever denies, or never fails, would prove little
  for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(pairs / 20);
  console.log(pairs, kinds);
});

test('of many policies, a request of any kind is answered as by all of them', () => {
  const many = fc
    .array(fc.tuple(fc.constantFrom('permit', 'forbid'), policyScope, policyBody), { minLength: 300, maxLength: 300 })
    .map((parts) => parts.map((part, place) => namePolicy(part, place, parts.length)));
  fc.assert(
    fc.property(
      many,
      fc.array(fc.tuple(gateRequest, entitiesFor), { minLength: 40, maxLength: 40 }),
      (policies, calls) => {
        const evaluator = openParsed(policies);
        for (const [request, entities] of calls) {
          const call = {
            ...gateCall(request),
            entities: JSON.stringify(entities),
            context: '{"tool_name":"a","x":{"y":1}}',
          };
          expect(evaluator.evaluateCall(call)).toEqual(askPlainly(policies, call));
          expect(evaluator.evaluate(request)).toEqual(askPlainly(policies, gateCall(request)));
        }
      },
    ),
    { numRuns: 5, endOnFailure: true },
  );
});

function namePolicy([effect, scope, body]: [string, string, string], place: number, count: number): NamedPolicy {
  const id = `p${count - place}`;
  const head = `@id("${id}")\n${effect} (${scope})`;
  return { id, text: `${head}${body};`, template: false, scope: scopeOf(`${head};`) };
}

function scopeOf(text: string): Scope {
  const json = cedar.policyJson(text);
  if (!json.ok) throw new Error(`${text}: ${json.errors[0]?.message}`);
  const { principal, action, resource } = json.value;
  return { principal: constraintOf(principal), action: constraintOf(action), resource: constraintOf(resource) };
}

function constraintOf(of: PolicyJson['principal'] | PolicyJson['action']): Constraint {
  if (of.op === 'All') return { op: 'any' };
  if (of.op === 'is') return { op: 'is', type: of.entity_type, in: of.in === undefined ? undefined : entityOf(of.in) };
  if (of.op === '==') return { op: '==', entity: entityOf(of) };
  return { op: 'in', entities: 'entities' in of ? of.entities.map((entity) => entityOf({ entity })) : [entityOf(of)] };
}

function entityOf(of: { readonly entity: unknown } | { readonly slot: string }) {
  if ('slot' in of) throw new Error('no template was made');
  return of.entity as { type: string; id: string };
}

function openParsed(policies: readonly NamedPolicy[]) {
  const plain = cedar.prepare('plain', { staticPolicies: policies.map(({ text }) => text).join('\n') });
  if (!plain.ok) throw new Error(`${plain.errors[0]?.message}\n${policies.map(({ text }) => text).join('\n')}`);
  return openEvaluator(cedar, 'evaluator', policies);
}

function askPlainly(policies: readonly NamedPolicy[], call: CedarCall): CedarAnswer {
  const answer = cedar.decide('plain', call);
  if (answer.kind === 'failure') return answer;
  const nameOf = (id: string): string => policies[Number(id.slice('policy'.length))]?.id ?? id;
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
