import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makePassingFolder } from '../../../src/adapters/sandbox/passing-folder.ts';
import { newFolder, removeFolder } from '../../sandbox/lab.ts';

let folder: string;

beforeEach(() => {
  folder = newFolder('passing');
});

afterEach(() => {
  vi.unstubAllEnvs();
  removeFolder(folder);
});

/** What it is, its mode, whose it is if not ours, whether it is used. */
type Temporary = readonly [what: string, mode: number, owner: number | undefined, isUsed: boolean];

const OURS: readonly Temporary[] = [
  ['of ours', 0o700, undefined, true],
  ['of ours that all may write in, as /tmp', 0o1777, undefined, true],
  ['of ours in which anybody can replace what others made', 0o777, undefined, false],
  ['of ours in which a group can', 0o770, undefined, false],
];
const OF_SOMEBODY_ELSE: readonly Temporary[] = [
  ['of somebody else', 0o755, 1234, false],
  ['of somebody else that is sticky', 0o1777, 1234, false],
];

// what is somebody else's only root can make
test.each(process.getuid?.() === 0 ? [...OURS, ...OF_SOMEBODY_ELSE] : OURS)('TMPDIR %s', (_, mode, owner, isUsed) => {
  const temporary = join(folder, 't');
  mkdirSync(temporary);
  chmodSync(temporary, mode);
  if (owner !== undefined) chownSync(temporary, owner, owner);
  expect(parentMade(temporary)).toBe(isUsed ? temporary : '/tmp');
});

test('TMPDIR that is not there', () => {
  expect(parentMade(join(folder, 'no'))).toBe('/tmp');
});

test('what a palyra left that is no more is swept, what one holds that runs is not', () => {
  const [gone, held] = [join(folder, 'palyra-egress-4194305-x'), join(folder, `palyra-egress-${process.pid}-x`)];
  for (const path of [gone, held]) mkdirSync(path);
  makePassingFolder('egress', folder);
  expect([existsSync(gone), existsSync(held)]).toEqual([false, true]);
});

function parentMade(temporary: string): string {
  vi.stubEnv('TMPDIR', temporary);
  const made = makePassingFolder('test');
  removeFolder(made);
  return dirname(made);
}
