import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withLock } from '../../../src/adapters/state/lock.ts';

test('only one at a time, in the same process too', async () => {
  const path = lockPath();
  let inside = 0;
  const most = await Promise.all(
    Array.from({ length: 6 }, () =>
      withLock(path, async () => {
        inside++;
        await new Promise((resolve) => setTimeout(resolve, 3));
        return inside--;
      }),
    ),
  );
  expect(most).toEqual([1, 1, 1, 1, 1, 1]);
});

test('whoever does not get it in time is told that the state is in use', async () => {
  const path = lockPath();
  await withLock(path, async () => {
    const waiting = withLock(path, async () => 'never', 1);
    await expect(waiting).rejects.toMatchObject({ code: 'store.busy' });
  });
  expect(await withLock(path, async () => 'free')).toBe('free');
});

test('work that throws gives it back, and the file stays, for us alone', async () => {
  const path = lockPath();
  const failing = withLock(path, async () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await withLock(path, async () => 'free')).toBe('free');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

function lockPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'lock');
}
