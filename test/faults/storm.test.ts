import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { buildWorker, startWorker } from './processes.ts';
import { expectPromisesKept } from './promises.ts';

const worker = buildWorker();

test('16 processes with 20 changes each lose nothing, and readers see it only grow', async () => {
  const root = freshRoot();
  const workers = Array.from({ length: 16 }, (_, i) => startWorker(worker, ['mint', root, `p${i}`, '20']));
  let going = true;
  const over = Promise.all(workers.map((each) => each.over)).finally(() => {
    going = false;
  });
  const store = openStore(root);
  let seen: readonly string[] = [];
  while (going) {
    const labels = (await store.read('registry')).registry.api_tokens.map(({ label }) => label);
    expect(labels.slice(0, seen.length)).toEqual(seen);
    seen = labels;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const said = (await over).flatMap((end) => end.said);
  expect(said.filter(({ done }) => done === undefined)).toEqual([]);
  expect(await expectPromisesKept(root, said)).toEqual({ tokens: 320 });
  expect(modesOf(root)).toEqual(['600', '700']);
});

test('documents that change together stay together under a storm', async () => {
  const root = freshRoot();
  const workers = Array.from({ length: 8 }, (_, i) => startWorker(worker, ['mixed', root, `p${i}`, '5']));
  const said = (await Promise.all(workers.map((each) => each.over))).flatMap((end) => end.said);
  expect(await expectPromisesKept(root, said)).toEqual({ tokens: 40 });
  const { registry, noteBook } = await openStore(root).read('registry', 'noteBook');
  expect(noteBook.notes).toEqual(registry.api_tokens.map(({ label }) => label));
});

/** The modes of all that is in the state root, itself included: files and folders. */
function modesOf(root: string): string[] {
  const all = ['.', ...readdirSync(root, { recursive: true, encoding: 'utf8' })].map((name) => join(root, name));
  return [...new Set(all.map((path) => (statSync(path).mode & 0o777).toString(8)))].sort();
}
