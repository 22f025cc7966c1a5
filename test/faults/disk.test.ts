import { expect, test } from 'vitest';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { addToken } from '../store/samples.ts';
import { buildWorker, runCommand } from './processes.ts';
import { expectPromisesKept } from './promises.ts';

const worker = buildWorker();
const node = process.execPath;

test('a full disk refuses the change, keeps the state and the journal whole, and goes on once there is room', () => {
  const script = `mkdir -p "$1" && mount -t tmpfs -o size=1m,mode=700 none "$1" && exec "$2" "$3" fill "$1/state" "$1"`;
  const { said, errors } = inOwnMounts(script, freshRoot(), node, worker);
  expect(errors).toBe('');
  expect(said).toEqual([
    {
      some: true,
      refusal: { refused: 'store.write_failed', why: expect.stringContaining('ENOSPC'), committed: false },
      kept: true,
      leftovers: [],
      fault: null,
      goesOn: true,
    },
  ]);
});

test('a read-only disk can be read and verified, and refuses the change', async () => {
  const root = freshRoot();
  await openStore(root).transact(['registry'], addToken('early'));
  const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" "$3" read-only "$1"`;
  const { said, errors } = inOwnMounts(script, root, node, worker);
  expect(errors).toBe('');
  expect(said).toEqual([
    {
      read: ['early'],
      refusal: { refused: 'store.write_failed', why: expect.stringContaining('EROFS'), committed: false },
      verified: { head: { seq: 1, hash: expect.any(String) }, torn: null, fault: null, rewritten: [] },
    },
  ]);
});

test('a limit on the size of files refuses the change that would break it, and nothing else', async () => {
  const root = freshRoot();
  const { said, errors } = runCommand(['prlimit', '--fsize=16384', node, worker, 'mint', root, 'limited', '60']);
  expect(errors).toBe('');
  const refused = said.filter(({ done }) => done === undefined);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.every((each) => each.refused === 'store.write_failed' && each.committed === false)).toBe(true);
  expect(await expectPromisesKept(root, said)).toEqual({ tokens: said.length - refused.length });
});

/** Run a shell script that may mount, as root of a namespace of its own; works for root and for everyone else. */
function inOwnMounts(script: string, ...args: readonly string[]) {
  return runCommand(['unshare', '-rm', 'sh', '-c', script, 'sh', ...args]);
}
