import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyJournal } from '../../src/flows/verify-journal.ts';
import { GENESIS, writeEntries } from '../../src/journal/entry.ts';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { addNote, addToken, draft } from '../store/samples.ts';

type Edit = (lines: string[]) => string[];

const EDITS: readonly (readonly [name: string, edit: Edit, fault: string, line: number | null])[] = [
  ['an edited entry', (lines) => lines.with(2, at(lines, 2).replace('note 3', 'note 4')), 'edited', 3],
  ['an edited hash', (lines) => lines.with(2, at(lines, 2).replace(/"hash":"./, '"hash":"g')), 'edited', 3],
  ['a blank more in a line', (lines) => lines.with(2, at(lines, 2).replace('","hash"', '", "hash"')), 'malformed', 3],
  ['a field more in a line', (lines) => lines.with(2, at(lines, 2).replace(/\}$/, ',"x":1}')), 'malformed', 3],
  ['a removed entry', (lines) => lines.toSpliced(2, 1), 'missing', 3],
  ['a removed first entry', (lines) => lines.slice(1), 'missing', 1],
  [
    'two entries that changed places',
    (lines) => [...lines.slice(0, 2), at(lines, 3), at(lines, 2), at(lines, 4)],
    'missing',
    3,
  ],
  ['a replayed entry', (lines) => [...lines, at(lines, 1)], 'repeated', 6],
  ['an entry put in', (lines) => lines.toSpliced(2, 0, forged()), 'severed', 3],
  ['a cut journal', (lines) => lines.slice(0, 3), 'truncated', null],
  ['an emptied journal', () => [], 'truncated', null],
  ['an empty line', (lines) => lines.toSpliced(2, 0, ''), 'malformed', 3],
  ['a line of noise before the end', (lines) => lines.with(3, 'noise'), 'malformed', 4],
  ['a line of noise in place of the last', (lines) => lines.with(4, 'noise'), 'malformed', 5],
];

describe.each(EDITS)('%s', (_name, edit, fault, line) => {
  test('is found, and the first bad line named', async () => {
    const root = await rootOfFive();
    writeFileSync(
      segmentOf(root),
      edit(linesOf(root))
        .map((each) => `${each}\n`)
        .join(''),
    );
    const place = line === null ? null : `journal/000000000001.ndjson:${line}`;
    expect(await verifyJournal(openStore(root))).toMatchObject({ fault: { fault, place } });
  });
});

test('a journal that was written anew from some entry on is found by the head that is bound', async () => {
  const root = await rootOfFive();
  const rewritten = writeEntries(
    [1, 2, 3, 4, 5].map((n) => draft('note.add', { note: `other ${n}` })),
    [],
    GENESIS,
  );
  writeFileSync(segmentOf(root), rewritten.map(({ line }) => `${line}\n`).join(''));
  const { fault } = await verifyJournal(openStore(root));
  expect(fault).toEqual({
    fault: 'replaced',
    words: 'entry 5 is not the one that was bound when it was written',
    place: 'journal/000000000001.ndjson:5',
  });
});

test('a state that was wholly rewritten is found by a head that was kept elsewhere', async () => {
  const [root, other] = [await rootOfFive(), freshRoot()];
  const { head } = await verifyJournal(openStore(root));
  expect(await verifyJournal(openStore(root), head.hash)).toMatchObject({ fault: null });
  await openStore(other).transact(['noteBook'], addNote('another past'));
  expect(await verifyJournal(openStore(other), head.hash)).toMatchObject({ fault: { fault: 'head_absent' } });
  await expect(verifyJournal(openStore(root), 'abc')).rejects.toMatchObject({ code: 'usage.invalid' });
});

test('a journal without what binds its end is no journal as it was written', async () => {
  const root = await rootOfFive();
  rmSync(join(root, 'checkpoint.json'));
  const { fault, head } = await verifyJournal(openStore(root));
  expect(fault).toMatchObject({ fault: 'unbound', place: null });
  expect(head.seq).toBe(5);
});

test('a document that another program wrote between two entries is told, with the entry that found it so', async () => {
  const root = freshRoot();
  await openStore(root).transact(['registry'], addToken('one'));
  expect(await verifyJournal(openStore(root))).toMatchObject({ rewritten: [] });
  const path = join(root, 'access_registry.json');
  writeFileSync(path, `${readFileSync(path, 'utf8')} `);
  await openStore(root).transact(['registry'], addToken('two'));
  await openStore(root).transact(['registry'], addToken('three'));
  const rewritten = [{ document: 'access_registry.json', times: 1, seq: 2 }];
  expect(await verifyJournal(openStore(root))).toMatchObject({ fault: null, rewritten });
});

const TORN: readonly (readonly [name: string, tail: (line: string) => string])[] = [
  ['half a line', (line) => line.slice(0, 200)],
  ['a whole line without its LF, half written', (line) => line.slice(0, -1)],
  ['a line that is no JSON', () => 'half\n'],
  ['one entry of a transaction of two', (line) => `${line}\n`],
];

test.each(TORN)(
  '%s at the end is no tampering: it is cut off, reported, and the chain goes on',
  async (_name, tail) => {
    const root = await rootOfFive();
    const { head } = await verifyJournal(openStore(root));
    const [first] = writeEntries([draft('a.b'), draft('c.d')], [], head);
    if (first === undefined) throw new Error('no entry');
    appendFileSync(segmentOf(root), tail(first.line));
    expect(await verifyJournal(openStore(root))).toMatchObject({
      head,
      fault: null,
      torn: 'journal/000000000001.ndjson:6',
    });
    expect((await openStore(root).read('noteBook')).noteBook.notes).toHaveLength(5);

    const notices: unknown[] = [];
    await openStore(root, notices as never).transact(['noteBook'], addNote('note 6'));
    expect(notices).toEqual([{ kind: 'torn_cut', bytes: Buffer.byteLength(tail(first.line)) }]);
    expect(await verifyJournal(openStore(root))).toMatchObject({ head: { seq: 6 }, fault: null, torn: null });
  },
);

test('segments follow each other in one chain', async () => {
  const root = freshRoot();
  const store = openStore(root);
  for (let i = 0; i < 12; i++) {
    await store.transact([], () => ({ answer: null, entries: [draft('noise', { text: 'x'.repeat(1_000_000) })] }));
  }
  const names: string[] = [];
  for await (const { place } of store.journal.lines()) names.push(place);
  expect(names).toHaveLength(12);
  expect(new Set(names.map((place) => place.split(':')[0]))).toEqual(
    new Set(['journal/000000000001.ndjson', 'journal/000000000009.ndjson']),
  );
  expect(await verifyJournal(store)).toMatchObject({ head: { seq: 12 }, fault: null, torn: null });
});

async function rootOfFive(): Promise<string> {
  const root = freshRoot();
  for (const n of [1, 2, 3, 4, 5]) await openStore(root).transact(['noteBook'], addNote(`note ${n}`));
  return root;
}

/** An entry numbered 3 that follows nothing which is there. */
function forged(): string {
  const [entry] = writeEntries([draft('forged')], [], { seq: 2, hash: 'f'.repeat(64) });
  return entry?.line ?? '';
}

function segmentOf(root: string): string {
  return join(root, 'journal', '000000000001.ndjson');
}

function linesOf(root: string): string[] {
  return readFileSync(segmentOf(root), 'utf8').split('\n').slice(0, -1);
}

function at(lines: readonly string[], index: number): string {
  return lines[index] ?? '';
}
