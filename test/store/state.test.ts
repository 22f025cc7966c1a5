import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lowdbStore } from '../../src/adapters/state/lowdb-store.ts';
import { printDocument } from '../../src/document.ts';
import { type State, stateShapes } from '../../src/store/state.ts';
import { freshRoot } from '../adapters/state-root.ts';

test.each<[keyof State, string]>([
  ['registry', 'read'],
  ['posture', 'read'],
  ['approvals', 'store.unsafe'],
])('a document %s that another program wrote is %s', async (name, outcome) => {
  const root = freshRoot();
  const shape = stateShapes[name];
  const path = join(root, shape.name);
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(path, printDocument({ ...shape.empty(), theirs: true }), { mode: 0o600 });
  const store = lowdbStore<State>({ root, shapes: stateShapes, notice: () => undefined });
  const reading = store.read(name).then(
    ({ [name]: document }) => ('theirs' in document ? 'read' : 'lost'),
    ({ code }) => code,
  );
  expect(await reading).toBe(outcome);
});
