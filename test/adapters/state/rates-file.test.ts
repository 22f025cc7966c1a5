import { chmodSync, mkdirSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DueAt, spend } from '../../../src/access/rate.ts';
import { ratesFile } from '../../../src/adapters/state/rates-file.ts';
import { freshRoot } from '../state-root.ts';

const NOW = 1_800_000_000_000;

function preparedRoot(): string {
  const root = freshRoot();
  mkdirSync(root, { mode: 0o700 });
  return root;
}

test('is made once, private and whole, so that no use needs room', async () => {
  const root = preparedRoot();
  const rates = ratesFile(root);
  expect(await rates.isPrepared()).toBe(false);
  await rates.prepare();
  await rates.prepare();
  expect(await rates.isPrepared()).toBe(true);
  const { size, blocks, mode } = statSync(join(root, 'rates.bin'));
  expect(mode & 0o777).toBe(0o600);
  // no holes: every slot has its place on the disk
  expect(blocks * 512).toBeGreaterThanOrEqual(size);
  await rates.use('a', NOW, (dueAt) => spend(dueAt, 10, NOW));
  expect(statSync(join(root, 'rates.bin')).size).toBe(size);
});

test('remembers each token apart, whoever opens it, and a refused use changes nothing', async () => {
  const root = preparedRoot();
  const seen: [string, DueAt][] = [];
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 50; i++) {
      await ratesFile(root).use(`token-${i}`, NOW, (dueAt) => {
        seen.push([`token-${i}`, dueAt]);
        return i === 0 ? { waitMs: 1 } : { dueAt: NOW + round * 1000 + i };
      });
    }
  }
  const due = (name: string) => seen.filter(([token]) => token === name).map(([, dueAt]) => dueAt);
  expect(due('token-0')).toEqual([0, 0, 0]);
  for (let i = 1; i < 50; i++) expect(due(`token-${i}`)).toEqual([0, NOW + 1000 + i, NOW + 2000 + i]);
}, 120_000);

test('is refused when others can write it, or when it is a link', async () => {
  const root = preparedRoot();
  await ratesFile(root).prepare();
  const use = () => ratesFile(root).use('a', NOW, (dueAt) => spend(dueAt, 10, NOW));
  chmodSync(join(root, 'rates.bin'), 0o666);
  await expect(use()).rejects.toMatchObject({ code: 'store.unsafe' });
  unlinkSync(join(root, 'rates.bin'));
  symlinkSync('/dev/null', join(root, 'rates.bin'));
  await expect(use()).rejects.toMatchObject({ code: 'store.unsafe' });
});
