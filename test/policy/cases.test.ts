import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';

interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly expect: Readonly<Record<string, unknown>>;
}

const CASES: readonly Case[] = readFileSync(join(import.meta.dirname, '../cases/policy.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

test('every case is answered as expected, all of it, in order, through the batch', async () => {
  const input = CASES.map(({ name, request, config }) => JSON.stringify({ id: name, ...request, config })).join('\n');
  const { stdout, code } = await newPlace().palyra(['policy', 'check', '--batch', '-', '--assume-config', '--json'], {
    input,
  });
  const answers: Record<string, unknown>[] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(CASES).toHaveLength(59);
  expect(
    answers.map((answer) => ({
      name: answer.id,
      expect: pick(
        answer,
        CASES.find(({ name }) => name === answer.id),
      ),
    })),
  ).toEqual(CASES.map((each) => ({ name: each.name, expect: each.expect })));
  expect(code).toBe(10);
});

/** What a case expects something of. */
function pick(answer: Record<string, unknown>, { expect: expected }: Pick<Case, 'expect'> = { expect: {} }) {
  return Object.fromEntries(Object.keys(expected).map((key) => [key, answer[key]]));
}

test('the cases are scenarios, too', async () => {
  const { stdout, code } = await newPlace().palyra([
    'policy',
    'test',
    join(import.meta.dirname, '../cases/policy.jsonl'),
  ]);
  expect(stdout).toContain('✓ 59 scenarios: 59 passed, 0 failed');
  expect(code).toBe(0);
});
