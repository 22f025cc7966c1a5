import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { storeContract } from '../../store/contract.ts';
import { addNote, draft } from '../../store/samples.ts';
import { freshRoot, openStore } from '../state-root.ts';

storeContract('the lowdb store', () => openStore(freshRoot()));

test('questions, refusals and changes of nothing create nothing; the first change says where the state is', async () => {
  const root = freshRoot();
  const notices: unknown[] = [];
  const store = openStore(root, notices as never);
  await store.read('registry');
  await store.transact(['registry'], () => ({ answer: null }));
  const refused = store.transact(['registry'], () => {
    throw new Error('no');
  });
  await expect(refused).rejects.toThrow('no');
  expect(readdirSync(join(root, '..'))).toEqual([]);
  await store.transact(['noteBook'], addNote('one'));
  await store.transact(['noteBook'], addNote('two'));
  expect(notices).toEqual([{ kind: 'created', root }]);
});

test.each([0, 0o277])('whatever the umask (%i), folders are 0700 and files 0600', async (umask) => {
  const before = process.umask();
  onTestFinished(() => void process.umask(before));
  const root = freshRoot();
  process.umask(umask);
  await openStore(root).transact(['noteBook'], (state) => ({ ...addNote('one')(state), payloads: [Buffer.from('x')] }));
  process.umask(before);
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => {
    const stats = statSync(join(root, name));
    return `${stats.isDirectory() ? 'folder' : 'file'} ${(stats.mode & 0o777).toString(8)}`;
  });
  expect(new Set(found)).toEqual(new Set(['folder 700', 'file 600']));
});

test('a document that comes out as it was is not written, but the entry is', async () => {
  const root = freshRoot();
  const store = openStore(root);
  await store.transact(['noteBook'], addNote('one'));
  const { ino } = statSync(join(root, 'notes', 'book.json'));
  const { entries } = await store.transact(['noteBook'], ({ noteBook }) => ({
    answer: null,
    documents: { noteBook: { ...noteBook } },
    entries: [draft('note.same')],
  }));
  expect(entries.map(({ body }) => body.changes)).toEqual([undefined]);
  expect(statSync(join(root, 'notes', 'book.json')).ino).toBe(ino);
});
