import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';

const cedar = openCedar();
const CALL = {
  principal: '{"type":"User","id":"ann"}',
  action: '{"type":"Action","id":"read"}',
  resource: '{"type":"File","id":"a"}',
  context: '{"x":1}',
  entities: '[]',
};
const ALLOW = { kind: 'answer', decision: 'allow', reason: ['policy0'], errors: [] };

test('a prepared policy set decides', () => {
  expect(
    cedar.prepare('set', { staticPolicies: 'permit(principal, action, resource) when { context.x == 1 };' }),
  ).toEqual({ ok: true, value: undefined });
  expect(cedar.decide('set', CALL)).toEqual(ALLOW);
});
