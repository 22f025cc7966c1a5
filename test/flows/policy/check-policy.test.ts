import { expect, test } from 'vitest';
import { openCedar } from '../../../src/adapters/cedar/cedar.ts';
import { explainDecision } from '../../../src/flows/policy/check-policy.ts';
import { decide } from '../../../src/policy/decision.ts';
import { openEvaluator } from '../../../src/policy/evaluator.ts';
import { establishFacts, readEvaluationConfig } from '../../../src/policy/facts.ts';
import { normalizeRequest } from '../../../src/policy/request.ts';
import { namePolicies, readPolicies } from '../../../src/policy/source.ts';

const cedar = openCedar();
const SAME = `@id("same") permit (principal, action == Action::"cron.list", resource) when { context.is_allowlisted_tool };
@id("listed") permit (principal, action in [Action::"cron.get", Action::"cron.list"], resource) when { context.is_allowlisted_skill };
@id("any") permit (principal, action, resource) when { context.is_sensitive_action };`;
const OTHERS = Array.from(
  { length: 30 },
  (_, n) =>
    `@id("other ${n}") permit (principal, action ${n % 2 ? '==' : 'in'} Action::"cron.get", resource) when { context.is_allowlisted_tool };`,
).join('\n');

test('among many policies a denial is explained by those of its action, and told the same as among few', () => {
  expect(nearMissesUnder(SAME)).toEqual(['any', 'listed', 'same']);
  expect(nearMissesUnder(SAME + OTHERS)).toEqual(['any', 'listed', 'same']);
});

function nearMissesUnder(text: string): string[] {
  const policies = namePolicies(readPolicies(cedar, text, 'own.cedar'));
  const general = openEvaluator(cedar, 'check-policy-test', policies);
  const inForce = { ...general, policies, general, ignored: [], empty: [], effectOf: () => 'permit' as const };
  const config = readEvaluationConfig({});
  const request = normalizeRequest({ principal: 'user:ops', action: 'cron.list', resource: 'cron:all', context: {} });
  const decision = decide({ request, facts: establishFacts(request, config) }, config, inForce);
  return explainDecision({ cedar, inForce }, decision, config)
    .nearMisses.map(({ policy }) => policy)
    .toSorted();
}
