import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { openCoverage } from '../../src/policy/coverage.ts';
import { findNearMisses } from '../../src/policy/explanation.ts';
import { namePolicies, splitPolicies } from '../../src/policy/source.ts';

const cedar = openCedar();
const uid = (type: string): string => `{"type":"${type}","id":"a"}`;
const call = (context: object) => ({
  principal: uid('Principal'),
  action: uid('Action'),
  resource: uid('Resource'),
  context: JSON.stringify(context),
  entities: '[]',
});
const terms = (count: number): string => Array.from({ length: count }, (_, i) => `context.n == ${i + 1}`).join(' || ');
const policies = (deep: string) =>
  namePolicies(
    splitPolicies(
      `@id("flat") permit (principal, action, resource) when { context.a && context.b };
@forbid("permit (") @id("deep") // forbid
forbid (principal, action, resource) when { ${deep} };
@id("both") permit (principal, action, resource) when { (${terms(60)}) && context.b };`,
      'own.cedar',
    ),
  );

test.each([1, 60, 250, 5000])('a condition of %i terms leaves the other policies explained', (count) => {
  const misses = findNearMisses({
    cedar,
    cedarCall: call({ a: true, b: false, n: 0 }),
    candidates: policies(terms(count)),
  });
  const flat = [
    { text: 'context.a', attribute: 'a', holds: true },
    { text: 'context.b', attribute: 'b', holds: false },
  ];
  expect(misses.find(({ policy }) => policy === 'flat')?.clauses).toEqual(flat);
  const deep = misses.find(({ policy }) => policy === 'deep')?.clauses;
  if (count === 1) expect(deep).toMatchObject([{ text: 'context.n == 1', holds: false }]);
  if (count === 60) {
    expect(deep).toEqual([{ text: '…', holds: null, error: 'nested too deep to be asked about by itself' }]);
    expect(misses.find(({ policy }) => policy === 'both')?.clauses).toMatchObject([{ holds: null }, { holds: false }]);
  }
});

test('a policy that is nested too deep is covered as a whole', () => {
  const coverage = openCoverage(cedar, policies(terms(60)));
  for (const n of [0, 1]) coverage.look(call({ a: true, b: true, n }));
  const found = coverage.found().map(({ policy, applied }) => [policy.id, applied.isTrue, applied.isFalse]);
  expect(found).toEqual([
    ['flat', true, false],
    ['deep', true, true],
    ['both', true, true],
  ]);
});
