import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaintsOf } from '../../src/sandbox/complaints.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import type { Plan } from '../../src/sandbox/plan.ts';
import { newFolder, planFor, removeFolder, type Wish } from './lab.ts';

let workspace: string;

beforeAll(() => {
  workspace = newFolder('complaints');
  mkdirSync(join(workspace, '.git/hooks'), { recursive: true });
  // a workspace of root's own would be refused
  if (process.getuid?.() === 0) chownSync(workspace, 65534, 65534);
});

afterAll(() => removeFolder(workspace));

function plan(wish: Wish = {}): Plan {
  return { ...planFor(workspace, ['true'], wish), user: null };
}

function told(said: string, wish: Wish = {}): string[] {
  return complaintsOf(plan(wish), said, false).map(({ what }) => what.replaceAll(workspace, 'WORK'));
}

const NOT_INSIDE = (path: string) => [`${path} is not inside`];

test.each([
  ["Error: ENOENT: no such file or directory, open '/root/.bashrc'", NOT_INSIDE('/root/.bashrc')],
  ["FileNotFoundError: [Errno 2] No such file or directory: '/srv/data.csv'", NOT_INSIDE('/srv/data.csv')],
  ['cat: /var/log/dpkg.log: No such file or directory', NOT_INSIDE('/var/log/dpkg.log')],
  ['cat: /tmp/elsewhere: No such file or directory', NOT_INSIDE('/tmp/elsewhere')],
  // what is there inside, or may be, is the command's own mistake
  ['cat: /usr/share/none: No such file or directory', []],
  ['cat: none.txt: No such file or directory', []],
  ['cat: src/none.txt: No such file or directory', []],
  ['fetch https://example.org/a/b: no such file or directory', []],
  ['it read /root/.bashrc', []],
  ['error: could not lock config file .git/config: No such file or directory', []],
])('%s', (said, expected) => {
  expect(told(said)).toEqual(expected);
  expect(told(said, { tier: 'b', egress: 'none' })).toEqual([]);
});

test('a path of the workspace is never said to be missing inside', () => {
  expect(told(`cat: ${workspace}/none: No such file or directory`)).toEqual([]);
});

test('a hint holds no word of the command’s, a path of it no more than 200 letters', () => {
  const dropped = { ...plan(), user: { uid: 65534, gid: 65534 } };
  const [told] = complaintsOf(dropped, 'cat: /etc/x&/tmp/evil: Permission denied', false);
  expect(told?.hint).toBe('ls -l shows whose it is');
  const [long] = complaintsOf(plan(), `cat: /srv/${'x'.repeat(8000)}: No such file or directory`, false);
  expect(long?.what.length).toBeLessThan(230);
});

test('a protected file that is mounted is busy: told as protected; anything else that is busy is not', () => {
  expect(told('error: could not write config file .git/hooks: Device or resource busy')).toEqual([
    '.git/hooks is protected, and read-only inside',
  ]);
  expect(told('umount: /mnt: Device or resource busy')).toEqual([]);
});

test('of many paths three are named', () => {
  const said = [1, 2, 3, 4].map((n) => `cat: /srv/${n}: No such file or directory`).join('\n');
  expect(told(said)).toEqual(['/srv/1', '/srv/2', '/srv/3'].flatMap(NOT_INSIDE));
});

test.each([
  ["touch: cannot touch '.git/hooks/x': Read-only file system", '.git/hooks is protected, and read-only inside'],
  [
    "EROFS: read-only file system, open '/usr/x'",
    'it met a read-only file system: writable are WORK, but for 1 protected file, and /tmp',
  ],
])('%s', (said, what) => {
  expect(told(said)).toEqual([what]);
});

test.each([
  ['bash: fork: retry: Resource temporarily unavailable', '256 processes at a time'],
  ['Error: spawn node EAGAIN', '256 processes at a time'],
  ["dd: error writing '/tmp/x': No space left on device", 'temporary folders of 256 MiB'],
  ['File size limit exceeded', 'files of 64 MiB'],
  ['Error: EMFILE: too many open files', '1024 open files'],
  ['sort: memory exhausted', 'memory of 1 GiB'],
  ['MemoryError', 'memory of 1 GiB'],
])('%s', (said, limit) => {
  expect(told(said)).toEqual([`it may have met a limit: ${limit}`]);
});

test('a read that would block is no limit', () => {
  expect(told('read: Resource temporarily unavailable')).toEqual([]);
});

test('no way to a host is told by what is reached, unless a refusal tells it already', () => {
  const hosts = parseHostRules(['registry.example.org'], ['example.com']);
  const said = 'getaddrinfo EAI_AGAIN evil.example';
  expect(told(said, { hosts })).toEqual([
    'it found no way to a host: it reaches registry.example.org, *.example.com, and nothing else',
  ]);
  expect(told(said)).toEqual(['it found no network: egress is strict, and no host is allowed']);
  expect(told(said, { egress: 'none' })).toEqual([]);
  expect(complaintsOf(plan({ hosts }), said, true)).toEqual([]);
});

test('a right that is missing is told by whom it runs as', () => {
  const dropped = { ...plan(), user: { uid: 65534, gid: 65534 } };
  expect(complaintsOf(dropped, 'cat: ./a/secret: Permission denied', false)[0]?.what).toMatch(
    /secret is not for uid 65534/,
  );
  expect(complaintsOf(dropped, 'cat: secret: Permission denied', false)[0]?.what).toMatch(
    /^what it asked for is not for/,
  );
  expect(complaintsOf(plan(), 'cat: secret: Permission denied', false)).toEqual([]);
  const confined = { ...plan({ tier: 'b', egress: 'none' }), landlockAbi: 4 };
  expect(complaintsOf(confined, 'cat: /root/.bashrc: Permission denied', false)[0]?.what).toBe(
    '/root/.bashrc is out of reach',
  );
  expect(complaintsOf({ ...confined, landlockAbi: 0 }, 'cat: /root/x: Permission denied', false)).toEqual([]);
});
