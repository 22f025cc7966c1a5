import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { addToken } from '../store/samples.ts';
import { buildWorker, runCommand } from './processes.ts';
import { expectPromisesKept } from './promises.ts';

const worker = buildWorker();

// every call with which one transaction changes the disk, and how often it is made
const CALLS = [
  ['pwrite64', 3],
  ['fsync', 4],
  ['fdatasync', 1],
  ['rename', 2],
] as const;
const MOMENTS = CALLS.flatMap(([call, times]) => Array.from({ length: times }, (_, i) => [call, i + 1] as const));

test.each(CALLS)('a transaction changes the disk with %s %i times: none is left untried', async (call, times) => {
  const { said } = strace(await rootWithOneToken(), `${call}:error=EIO:when=${times + 1}`, call);
  expect(said).toEqual([{ done: 'injected-0' }]);
});

describe('a process that is killed', () => {
  test.each(MOMENTS)(
    'in its %s number %i leaves the old state or the new, and the next one goes on',
    async (call, nth) => {
      const root = await rootWithOneToken();
      const { said } = strace(root, `${call}:signal=SIGKILL:when=${nth}`, call);
      expect(said).toEqual([]);
      const { tokens } = await expectPromisesKept(root, said);
      // from the moment that the entry is in the journal, the change is made
      expect(tokens).toBe(isAfterCommit(call, nth) ? 2 : 1);
      await openStore(root).transact(['registry'], addToken('next'));
      expect(await expectPromisesKept(root, said)).toEqual({ tokens: tokens + 1 });
    },
  );
});

describe('a process that is killed in the first change of all', () => {
  // folders, the lock file and the first segment are made on the way
  const moments = [...[1, 2, 3, 4, 5, 6, 7].map((nth) => ['fsync', nth] as const), ...MOMENTS.slice(-3)];
  test.each(moments)('in its %s number %i leaves nothing or all of it', async (call, nth) => {
    const root = freshRoot();
    const { said } = strace(root, `${call}:signal=SIGKILL:when=${nth}`, call);
    expect(said).toEqual([]);
    const { tokens } = await expectPromisesKept(root, said);
    // the seventh makes the names last, after the entry is in the journal
    expect(tokens).toBe(call === 'fsync' && nth < 7 ? 0 : 1);
    await openStore(root).transact(['registry'], addToken('next'));
    expect(await expectPromisesKept(root, said)).toEqual({ tokens: tokens + 1 });
  });
});

describe('a disk that fails', () => {
  test.each(MOMENTS)('in %s number %i is reported, and what is there is what was reported', async (call, nth) => {
    const root = await rootWithOneToken();
    const { said } = strace(root, `${call}:error=EIO:when=${nth}`, call);
    const committed = isAfterCommit(call, nth) && call !== 'fdatasync';
    expect(said).toEqual([{ refused: 'store.write_failed', why: expect.any(String), committed }]);
    expect(await expectPromisesKept(root, said)).toEqual({ tokens: committed ? 2 : 1 });
    await openStore(root).transact(['registry'], addToken('next'));
    expect(await expectPromisesKept(root, said)).toEqual({ tokens: committed ? 3 : 2 });
  });

  test('in taking an entry back leaves it committed, and the next one finishes it', async () => {
    const root = await rootWithOneToken();
    const { said } = strace(root, 'fdatasync,ftruncate:error=EIO:when=1+', 'fdatasync,ftruncate');
    expect(said).toMatchObject([{ refused: 'store.write_failed', committed: true }]);
    expect(await expectPromisesKept(root, said)).toEqual({ tokens: 2 });
  });
});

function isAfterCommit(call: (typeof CALLS)[number][0], nth: number): boolean {
  return call === 'fdatasync' || call === 'rename' || (call === 'fsync' && nth === 4);
}

async function rootWithOneToken(): Promise<string> {
  const root = freshRoot();
  await openStore(root).transact(['registry'], addToken('first'));
  return root;
}

function strace(root: string, inject: string, trace: string) {
  const log = join(root, '..', 'strace.log');
  const options = ['-f', '-qq', '-o', log, '-e', `trace=${trace}`, '-e', `inject=${inject}`];
  return runCommand(['strace', ...options, process.execPath, worker, 'mint', root, 'injected', '1']);
}
