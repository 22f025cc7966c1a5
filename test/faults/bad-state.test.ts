import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { registryShape } from '../../src/access/registry.ts';
import { PalyraError } from '../../src/errors.ts';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { newPlace } from '../palyra.ts';
import { addNote, addToken, tokenOf } from '../store/samples.ts';

const SECRET = 'palyra_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2UGG5m';

test.runIf(process.getuid?.() === 0)('a root that nothing can be written to is told with what opens it', async () => {
  const { folder, bash } = newPlace();
  const root = join(folder, '..', 'ro');
  mkdirSync(root, { mode: 0o500 });
  chownSync(root, 65534, 65534);
  const asNobody = `setpriv --reuid=65534 --regid=65534 --clear-groups palyra --state-root ${root} posture set palyra.echo disabled --yes`;
  const { code, stderr } = await bash(asNobody);
  expect([code, stderr]).toEqual([
    14,
    `palyra: error: ${root}/lock cannot be opened\npalyra: hint:  chmod 700 ${root}\n`,
  ]);
});

/** How a state of two transactions is spoilt, and the start of what must be said of it. */
const SPOILT: readonly (readonly [name: string, spoil: (root: string) => void, says: RegExp])[] = [
  [
    'a corrupt registry',
    (root) => put(root, `{"secret":"${SECRET}"`),
    /is not valid JSON: line 1, column \d+: it ends too early/,
  ],
  ['an empty registry', (root) => put(root, ''), /is not valid JSON: line 1, column 1: it ends too early/],
  ['a truncated registry', (root) => truncateSync(registryOf(root), 100), /is not valid JSON: line \d+, column \d+/],
  ['a huge registry', (root) => truncateSync(registryOf(root), 65 * 1024 * 1024), /is larger than 67108864 bytes/],
  ['a registry of the future', (root) => edit(root, { version: 2 }), /has version 2; this palyra understands 1/],
  ['a registry without a version', (root) => edit(root, { version: undefined }), /has no version/],
  [
    'a registry of another shape',
    (root) => edit(root, { api_tokens: [{ label: SECRET }] }),
    /\.api_tokens\[0\]\.token_id is not a text/,
  ],
  ['a registry that is a list', (root) => put(root, '[]'), /not an object/],
  ['a key that occurs twice', (root) => put(root, `{"version":1,"version":1}`), /the key "version" is there twice/],
  [
    'an integer that would be rounded',
    (root) => edit(root, { zeta: 1 }, '1', '9007199254740993'),
    /too large to be kept exactly/,
  ],
  ['JSON too deep', (root) => put(root, `${'['.repeat(65)}${']'.repeat(65)}`), /nested too deep/],
  [
    'bytes that are not UTF-8',
    (root) => writeFileSync(registryOf(root), Buffer.from([0x22, 0xff, 0x22])),
    /is not UTF-8/,
  ],
  ['a registry that is gone', (root) => rmSync(registryOf(root)), /access_registry\.json is missing/],
  ['a registry that others may read', (root) => chmodSync(registryOf(root), 0o644), /is open to others \(mode 644\)/],
  ['a state root that others may enter', (root) => chmodSync(root, 0o755), /is open to others \(mode 755\)/],
  ['a lock that others may open', (root) => chmodSync(join(root, 'lock'), 0o666), /lock is open to others/],
  ['a journal that others may read', (root) => chmodSync(segmentOf(root), 0o640), /ndjson is open to others/],
  ['a registry that is a symbolic link', (root) => link(registryOf(root)), /is a symbolic link/],
  ['a lock that is a symbolic link', (root) => link(join(root, 'lock')), /is a symbolic link/],
  ['a state root that is a symbolic link', (root) => link(root), /is a symbolic link/],
  ['a registry that is a FIFO', (root) => fifo(registryOf(root)), /is not a regular file/],
  ['a lock that is a FIFO', (root) => fifo(join(root, 'lock')), /is not a regular file/],
  ['a registry that is a folder', (root) => folder(registryOf(root)), /is not a regular file/],
  ['a document of ours that another wrote', (root) => addByHand(root), /does not agree with the journal/],
  ['a checkpoint that is gone', (root) => rmSync(join(root, 'checkpoint.json')), /checkpoint\.json is missing/],
  ['a corrupt checkpoint', (root) => writeFileSync(join(root, 'checkpoint.json'), '{}'), /checkpoint\.json is damaged/],
  [
    'a journal that is gone',
    (root) => rmSync(join(root, 'journal'), { recursive: true }),
    /does not lead on from entry 3/,
  ],
  ['a journal that was cut', (root) => cutLastLine(root), /does not lead on from entry 3/],
  ['a last entry that was edited', (root) => editLastLine(root), /ndjson is damaged/],
];

describe.each(SPOILT)('%s', (_name, spoil, says) => {
  test('is refused by name with a remedy, echoes nothing, and stays as it is', async () => {
    const root = await writtenRoot();
    spoil(root);
    const before = picture(root);
    const refusal = await openStore(root)
      .transact(['registry', 'noteBook'], (state) => ({ ...addToken('late')(state) }))
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'store.unsafe', message: expect.stringMatching(says) });
    if (!(refusal instanceof PalyraError)) return;
    expect(refusal.hint).toMatch(/^(chmod|chown|rm|palyra|put back|use a newer|never)/);
    expect(`${refusal.message} ${refusal.why} ${refusal.hint} ${String(refusal.cause)}`).not.toContain(SECRET);
    expect(picture(root)).toEqual(before);
  });
});

test.each(SPOILT.filter(([name]) => !name.includes('lock')))(
  '%s is refused to readers too',
  async (_name, spoil, says) => {
    const root = await writtenRoot();
    spoil(root);
    const refusal = openStore(root).read('registry', 'noteBook');
    await expect(refusal).rejects.toMatchObject({ code: 'store.unsafe', message: expect.stringMatching(says) });
  },
);

test.runIf(process.getuid?.() === 0)('state that belongs to another user is refused with the chown', async () => {
  const root = await writtenRoot();
  chownSync(registryOf(root), 12345, 12345);
  const refusal = openStore(root).read('registry');
  await expect(refusal).rejects.toMatchObject({ code: 'store.unsafe', hint: `chown 0 ${registryOf(root)}` });
});

test('an older copy of the registry is refused: it would bring back what was revoked', async () => {
  const root = await writtenRoot();
  copyFileSync(registryOf(root), join(root, '..', 'older'));
  await openStore(root).transact(['registry'], addToken('newer'));
  renameSync(join(root, '..', 'older'), registryOf(root));
  const refusal = openStore(root).transact(['registry'], addToken('late'));
  await expect(refusal).rejects.toMatchObject({ code: 'store.unsafe', why: expect.stringContaining('an older copy') });
});

test('the hint is the command that repairs, quoted for a shell', async () => {
  const root = join(freshRoot(), "it's mine");
  await openStore(root).transact(['registry'], addToken('one'));
  chmodSync(registryOf(root), 0o644);
  const refusal = await openStore(root)
    .read('registry')
    .catch((error: unknown) => error);
  if (!(refusal instanceof PalyraError) || refusal.hint === undefined) throw new Error('no hint');
  execFileSync('sh', ['-c', refusal.hint]);
  expect((await openStore(root).read('registry')).registry.api_tokens).toHaveLength(1);
});

test('a registry that another program rewrote is taken as it is, and keeps what only that program knows', async () => {
  const root = await writtenRoot();
  edit(root, {
    api_tokens: [{ ...tokenOf('theirs', 7), workspace_id: '', expires_at_unix_ms: null, zeta: { a: [1] } }],
    omega: true,
  });
  await openStore(root).transact(['registry'], addToken('ours'));
  const written = JSON.parse(readFileSync(registryOf(root), 'utf8'));
  expect(written.omega).toBe(true);
  expect(written.api_tokens).toMatchObject([
    { label: 'theirs', workspace_id: '', expires_at_unix_ms: null, zeta: { a: [1] } },
    { label: 'ours' },
  ]);
});

test('a state root that only another program has used is read without leaving a trace', async () => {
  const root = freshRoot();
  mkdirSync(root, { mode: 0o700 });
  writeFileSync(registryOf(root), JSON.stringify({ ...registryShape.empty(), api_tokens: [tokenOf('theirs', 1)] }), {
    mode: 0o600,
  });
  expect((await openStore(root).read('registry')).registry.api_tokens).toMatchObject([{ label: 'theirs' }]);
  expect(readdirSync(root)).toEqual(['access_registry.json']);
});

/** Three transactions; the registry has one token, the book one note. */
async function writtenRoot(): Promise<string> {
  const root = freshRoot();
  const store = openStore(root);
  await store.transact(['registry'], addToken('one'));
  await store.transact(['noteBook'], addNote('one'));
  await store.transact(['noteBook'], addNote('two'));
  return root;
}

function registryOf(root: string): string {
  return join(root, 'access_registry.json');
}

function segmentOf(root: string): string {
  return join(root, 'journal', '000000000001.ndjson');
}

function put(root: string, text: string): void {
  writeFileSync(registryOf(root), text);
}

function edit(root: string, fields: Readonly<Record<string, unknown>>, ...[from, to]: string[]): void {
  const text = JSON.stringify({ ...JSON.parse(readFileSync(registryOf(root), 'utf8')), ...fields });
  put(root, from === undefined || to === undefined ? text : text.replace(`"zeta":${from}`, `"zeta":${to}`));
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

function addByHand(root: string): void {
  writeFileSync(join(root, 'notes', 'book.json'), JSON.stringify({ version: 1, notes: ['allowed by hand'] }));
}

function cutLastLine(root: string): void {
  const lines = readFileSync(segmentOf(root), 'utf8').split('\n');
  writeFileSync(segmentOf(root), `${lines.slice(0, 2).join('\n')}\n`);
}

function editLastLine(root: string): void {
  writeFileSync(
    segmentOf(root),
    readFileSync(segmentOf(root), 'utf8').replace('\\"note\\":\\"two\\"', '\\"note\\":\\"2\\"'),
  );
}

/** Every file below a root: its kind, mode, size and, of small ones, content. */
function picture(root: string): unknown[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size } = statSync(join(root, name));
      const isSmallFile = (mode & 0o170000) === 0o100000 && size < 1_000_000;
      return [name, mode, size, isSmallFile ? readFileSync(join(root, name), 'utf8') : null];
    });
}
