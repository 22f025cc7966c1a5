import { expect, test } from 'vitest';
import { readScenarios } from '../../src/policy/scenario.ts';

const REQUEST = '"request": {"principal": "user:ops", "action": "tool.list", "resource": "tool:x"}';

/** A scenario of memory as a file's first line, with this on the second. */
function memory(rest: string): string {
  return `[{"name": "memory", "request": {"resource": "memory:all"},\n ${rest}}]`;
}

const MATRIX = '"matrix": {"principal": ["user:ops", "user:bob"], "action": ["memory.get", "memory.purge"]}';

const REFUSED: readonly (readonly [what: string, file: string, message: string])[] = [
  ['a list in the place of nothing', '{}', 'scenarios is not a list'],
  ['a key that nobody reads', '{"scenarios": [], "scenario": []}', 'unknown key in a file of scenarios: scenario'],
  ['a scenario without a name', `[{${REQUEST}, "expect": "allow"}]`, 'a scenario has no name'],
  ['a scenario that expects nothing', `[{"name": "x", ${REQUEST}}]`, 'x expects nothing'],
  ['an unknown word', `[{"name": "x", ${REQUEST}, "expect": "ask"}]`, 'expected is one of allow, deny'],
  ['an empty expectation', `[{"name": "x", ${REQUEST}, "expect": {}}]`, 'expect is empty'],
  [
    'a decision that is none',
    `[{"name": "x", ${REQUEST}, "expect": {"decision": "ask"}}]`,
    'expect.decision is allow or',
  ],
  [
    'what no answer says',
    `[{"name": "x", ${REQUEST}, "expect": {"decisions": "deny"}}]`,
    'unknown key in expect: decisions',
  ],
  ['an empty matrix', memory('"matrix": {}, "expect": "allow"'), 'matrix is empty'],
  [
    'an axis without values',
    memory('"matrix": {"action": []}, "expect": "allow"'),
    'matrix.action is not a list of texts',
  ],
  ['an axis that is none', memory('"matrix": {"actions": ["a"]}, "expect": "allow"'), 'unknown key in matrix: actions'],
  [
    'a slip in what a matrix expects',
    memory(`${MATRIX}, "expect": {"user:opps": "allow"}`),
    'user:opps is not in matrix.principal',
  ],
  [
    'a combination of which nothing is expected',
    memory(`${MATRIX}, "expect": {"user:ops": "allow"}`),
    'nothing is expected of user:bob',
  ],
];

test.each(REFUSED)('%s is refused by its place, and never passes as a test', async (_, file, message) => {
  await expect(readScenarios(file, 'own.json')).rejects.toMatchObject({
    code: 'input.invalid',
    message: expect.stringMatching(new RegExp(`^own\\.json:[12]: ${message.replaceAll('.', '\\.')}`)),
  });
});

test('a matrix of more requests than anybody meant is refused', async () => {
  const many = JSON.stringify(Array.from({ length: 101 }, (_, n) => `v${n}`));
  const file = memory(`"matrix": {"principal": ${many}, "action": ${many}}, "expect": "deny"`);
  await expect(readScenarios(file, 'own.json')).rejects.toMatchObject({ code: 'input.too_large' });
});

test('a matrix is spelt out, each with the nearest expectation: its own word, or that of all others', async () => {
  const file = memory(
    `${MATRIX}, "expect": {"user:bob": "deny", "*": {"memory.purge": "approval_required", "*": "allow"}}`,
  );
  const scenarios = await readScenarios(file, 'own.json');
  expect(scenarios.map(({ name, request, expect: expected }) => [name, request.action, expected])).toEqual([
    ['memory · user:ops · memory.get', 'memory.get', { decision: 'allow' }],
    ['memory · user:ops · memory.purge', 'memory.purge', { decision: 'deny', approval_required: true }],
    ['memory · user:bob · memory.get', 'memory.get', { decision: 'deny', approval_required: false }],
    ['memory · user:bob · memory.purge', 'memory.purge', { decision: 'deny', approval_required: false }],
  ]);
});
