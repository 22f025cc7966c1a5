import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { newPlace, type Place } from './palyra.ts';

/** How a state of three changes is spoilt, the finding's code, and whether --fix repairs it. */
const SPOILT: readonly (readonly [name: string, spoil: (root: string) => void, code: string, fixed: boolean])[] = [
  ['a corrupt registry', (root) => writeFileSync(registryOf(root), '{"version":1'), 'state.damaged', false],
  ['an empty registry', (root) => truncateSync(registryOf(root), 0), 'state.damaged', false],
  ['a truncated registry', (root) => truncateSync(registryOf(root), 100), 'state.damaged', false],
  ['a huge registry', (root) => truncateSync(registryOf(root), 65 * 1024 * 1024), 'state.damaged', false],
  ['a registry of the future', (root) => edit(root, { version: 2 }), 'state.damaged', false],
  ['a registry of another shape', (root) => edit(root, { api_tokens: [{}] }), 'state.damaged', false],
  ['a registry that is gone', (root) => rmSync(registryOf(root)), 'state.damaged', false],
  ['a registry that others may read', (root) => chmodSync(registryOf(root), 0o644), 'file.open_to_others', true],
  ['a root that others may enter', (root) => chmodSync(root, 0o755), 'file.open_to_others', true],
  ['a lock that others may open', (root) => chmodSync(join(root, 'lock'), 0o666), 'file.open_to_others', true],
  ['a journal that others may read', (root) => chmodSync(segmentOf(root), 0o640), 'file.open_to_others', true],
  ['a registry that is a link', (root) => link(registryOf(root)), 'file.unsafe', false],
  ['a root that is a link', link, 'file.unsafe', false],
  ['a registry that is a FIFO', (root) => fifo(registryOf(root)), 'file.unsafe', false],
  ['a registry that is a folder', (root) => folder(registryOf(root)), 'state.damaged', false],
  ['a checkpoint that is gone', (root) => rmSync(join(root, 'checkpoint.json')), 'state.damaged', false],
  ['a corrupt checkpoint', (root) => writeFileSync(join(root, 'checkpoint.json'), '{}'), 'state.damaged', false],
  ['a change that a crash cut off, and its copy gone', putOlder, 'state.damaged', false],
  ['an edited entry', (root) => editLine(root, 1), 'journal.edited', false],
  ['an edited last entry', (root) => editLine(root, 3), 'journal.edited', false],
  ['a cut journal', (root) => putLines(root, linesOf(root).slice(0, 2)), 'journal.truncated', false],
  ['a replayed entry', (root) => putLines(root, [...linesOf(root), linesOf(root)[0] ?? '']), 'journal.repeated', false],
  ['a line that a crash left unfinished', (root) => appendFileSync(segmentOf(root), '{"prev":'), 'journal.torn', true],
  ['a flag that is missing', (root) => edit(root, { feature_flags: [] }), 'registry.flag_missing', true],
];

describe.each(SPOILT)('%s', (name, spoil, code, fixed) => {
  test('is found with its remedy, and nothing is written before --fix', async () => {
    const place = writtenPlace();
    const root = rootOf(place);
    spoil(root);
    const before = picture(root);
    const looked = await place.palyra(['doctor', '--json']);
    const { ok, findings } = JSON.parse(looked.stdout);
    const isTorn = code === 'journal.torn';
    expect(looked.code).toBe(isTorn ? 0 : 6);
    expect(ok).toBe(isTorn);
    expect(findings).toContainEqual(
      expect.objectContaining({ code, fixable: fixed, remedy: expect.stringMatching(/./) }),
    );
    await place.palyra(['doctor', '--fix', '--dry-run']);
    expect(picture(root)).toEqual(before);

    const mended = JSON.parse((await place.palyra(['doctor', '--fix', '--json'])).stdout);
    expect(mended).toMatchObject({ ok: fixed, changed: fixed });
    if (fixed) expect((await place.palyra(['journal', 'verify'])).code).toBe(0);
    else expect(JSON.stringify(picture(root).filter(isNotLock))).toBe(JSON.stringify(before.filter(isNotLock)));
  });

  const isRefused = !code.startsWith('registry.') && code !== 'journal.torn' && name !== 'an edited entry';
  // what only a reader notices is refused to nobody
  if (!isRefused) return;
  test('is refused to every command that changes something, with 14, and stays', async () => {
    const place = writtenPlace();
    const root = rootOf(place);
    spoil(root);
    const before = picture(root);
    for (const line of [
      ['workspaces', 'create', 'late'],
      ['members', 'invite', 'user:bob', '--role', 'operator'],
      ['flags', 'disable', 'team_mode'],
    ]) {
      const { code: exit, stdout, stderr } = await place.palyra(line);
      expect({ line, exit, stdout }).toEqual({ line, exit: 14, stdout: '' });
      expect(stderr).toMatch(/^(?: {2}.+\n)*palyra: error: .+\n(palyra: why: .+\n)?palyra: hint: {2}.+\n$/);
    }
    expect(picture(root)).toEqual(before);
  });
});

test('whoever holds the lock is named, and nothing is wrong', async () => {
  const place = writtenPlace();
  const holder = spawn('/usr/bin/flock', [join(rootOf(place), 'lock'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: 'pipe',
  });
  await once(holder.stdout, 'data');
  const { findings, ok } = JSON.parse((await place.palyra(['doctor', '--json'])).stdout);
  expect(ok).toBe(true);
  const found = findings.find(({ code }: { code: string }) => code === 'lock.held');
  expect(found?.what).toContain(String(holder.pid));
  holder.stdin.end();
  await once(holder, 'close');
});

test('commands that change the state meanwhile look like no damage', async () => {
  const place = writtenPlace();
  const writers = [1, 2, 3].map((n) =>
    place.bash(`for i in 1 2 3 4 5; do palyra workspaces create w${n}-$i --quiet; done`),
  );
  const isOver = Promise.all(writers).then(() => true);
  do {
    const { ok, findings } = JSON.parse((await place.palyra(['doctor', '--json'])).stdout);
    expect(findings.filter(({ wrong }: { wrong: boolean }) => wrong)).toEqual([]);
    expect(ok).toBe(true);
  } while (!(await Promise.race([isOver, false])));
});

const OWN: readonly (readonly [string, string, string, string, boolean])[] = [
  ['policies that are gone', 'policy.paths = ["own/nowhere.cedar"]', '', 'policy.unreadable', true],
  ['a folder without policies', 'policy.paths = ["empty"]', '', 'policy.unreadable', true],
  ['policies that do not parse', 'policy.paths = ["own"]', 'permit (principal, action)', 'policy.invalid', true],
  [
    'a forbid that always fails',
    'policy.paths = ["own"]',
    'forbid (principal, action, resource) when { context.nothing };',
    'policy.invalid',
    true,
  ],
  [
    'a template',
    'policy.paths = ["own"]',
    'forbid (principal == ?principal, action, resource);',
    'policy.invalid',
    true,
  ],
  ['a file without a policy', 'policy.paths = ["own"]', '// none', 'policy.doubtful', false],
  [
    'a tool that is spelt in another way',
    'tool_call.allowed_tools = ["palyra.ecko", "my.tool"]',
    '',
    'config.unknown_tool',
    false,
  ],
];

test.each(OWN)('%s: the doctor finds it', async (_, toml, policy, code, isWrong) => {
  const place = newPlace();
  const folder = join(place.folder, '../.config/palyra');
  for (const name of ['own', 'empty']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'palyra.toml'), toml);
  writeFileSync(join(folder, 'own/own.cedar'), policy);
  const ended = await place.palyra(['doctor', '--json']);
  const found = JSON.parse(ended.stdout).findings.filter((one: { code: string }) =>
    /^(policy|config)\./.test(one.code),
  );
  expect(found).toMatchObject([{ code, wrong: isWrong }]);
  expect(ended.code).toBe(isWrong ? 6 : 0);
});

test('a state root that is not there stays so', async () => {
  const place = newPlace();
  expect((await place.palyra(['doctor', '--fix'])).code).toBe(0);
  expect(readdirSync(join(place.folder, '..'))).not.toContain('.local');
});

const template = newPlace();
beforeAll(async () => {
  const { code } = await template.bash(`set -e
    palyra flags enable team_mode
    palyra workspaces create one
    mkdir older && cp -p ../.local/state/palyra/*.json older
    palyra workspaces create two`);
  if (code !== 0) throw new Error('no state');
});

/** Three changes: team_mode, a workspace, another. */
function writtenPlace(): Place {
  const place = newPlace();
  mkdirSync(join(rootOf(place), '..'), { recursive: true });
  execFileSync('cp', ['-a', rootOf(template), rootOf(place)]);
  return place;
}

function rootOf({ folder: work }: Place): string {
  return join(work, '..', '.local/state/palyra');
}

function registryOf(root: string): string {
  return join(root, 'access_registry.json');
}

function segmentOf(root: string): string {
  return join(root, 'journal', '000000000001.ndjson');
}

function linesOf(root: string): string[] {
  return readFileSync(segmentOf(root), 'utf8').split('\n').slice(0, -1);
}

function putLines(root: string, lines: readonly string[]): void {
  writeFileSync(segmentOf(root), lines.map((line) => `${line}\n`).join(''));
}

function editLine(root: string, number: number): void {
  putLines(
    root,
    linesOf(root).map((line, index) => (index === number - 1 ? line.replace('user:', 'uses:') : line)),
  );
}

function edit(root: string, fields: Readonly<Record<string, unknown>>): void {
  const registry = JSON.parse(readFileSync(registryOf(root), 'utf8'));
  writeFileSync(registryOf(root), JSON.stringify({ ...registry, ...fields }));
}

/** What the last change but one left, beside the whole journal. */
function putOlder(root: string): void {
  execFileSync('/bin/sh', ['-c', 'cp -p "$0"/*.json "$1"', join(template.folder, 'older'), root]);
}

function link(path: string): void {
  renameSync(path, `${path}.real`);
  symlinkSync(`${path}.real`, path);
}

function fifo(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', ['-m', '600', path]);
}

function folder(path: string): void {
  rmSync(path);
  mkdirSync(path, { mode: 0o700 });
}

/** Every file below a root: its name, mode, size and, of small ones, content. */
function picture(root: string): (readonly [string, number, number, string | null])[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size } = lstatSync(join(root, name));
      const isSmallFile = (mode & 0o170000) === 0o100000 && size < 1_000_000;
      return [name, mode, size, isSmallFile ? readFileSync(join(root, name), 'utf8') : null];
    });
}

function isNotLock([name]: readonly [string, ...unknown[]]): boolean {
  return name !== 'lock';
}
