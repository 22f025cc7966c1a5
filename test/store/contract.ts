import { describe, expect, test } from 'vitest';
import { isFault, nextEntry } from '../../src/journal/chain.ts';
import { GENESIS } from '../../src/journal/entry.ts';
import { sha256 } from '../../src/sha256.ts';
import type { JournalLine, Store } from '../../src/store/store.ts';
import { addNote, addToken, draft, type SampleState, sampleShapes } from './samples.ts';

/** What every store promises, whatever it is made of. */
export function storeContract(name: string, open: () => Store<SampleState>): void {
  describe(name, () => {
    test('a state that nobody has written reads as that of a first run', async () => {
      const store = open();
      expect(await store.read('registry', 'noteBook')).toEqual({
        registry: sampleShapes.registry.empty(),
        noteBook: { version: 1, notes: [] },
      });
      expect(await linesOf(store)).toEqual([]);
      expect(await store.journal.boundHead()).toBeNull();
    });

    test('what a transaction wrote is there, and its entry says who, what and when', async () => {
      const store = open();
      const { answer, entries } = await store.transact(['noteBook'], addNote('one'));
      expect(answer).toBe('one');
      expect(await store.read('noteBook')).toEqual({ noteBook: { version: 1, notes: ['one'] } });
      expect(entries.map(({ body }) => body)).toEqual([
        {
          seq: 1,
          time_unix_ms: 1_800_000_000_000,
          actor: { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' },
          kind: 'note.add',
          payload: { note: 'one' },
          changes: [{ document: 'notes/book.json', after: expect.stringMatching(/^[0-9a-f]{64}$/) }],
        },
      ]);
      expect((await linesOf(store)).map(({ text, whole }) => ({ text, whole }))).toEqual([
        { text: entries[0]?.line, whole: true },
      ]);
    });

    test('documents change together, with all the entries of the transaction', async () => {
      const store = open();
      const { entries } = await store.transact(['registry', 'noteBook'], (state) => ({
        answer: null,
        documents: { ...addToken('ci')(state).documents, ...addNote('minted ci')(state).documents },
        entries: [draft('token.mint'), draft('note.add')],
      }));
      const { registry, noteBook } = await store.read('registry', 'noteBook');
      expect(registry.api_tokens.map(({ label }) => label)).toEqual(['ci']);
      expect(noteBook.notes).toEqual(['minted ci']);
      expect(entries.map(({ body }) => [body.seq, body.more, body.changes?.map((change) => change.document)])).toEqual([
        [1, 1, undefined],
        [2, undefined, ['access_registry.json', 'notes/book.json']],
      ]);
    });

    test('whoever watches is told at once, and again after each transaction', async () => {
      const store = open();
      await store.transact(['noteBook'], addNote('before'));
      const stop = new AbortController();
      const seen: number[] = [];
      for await (const _ of store.changes(stop.signal)) {
        const { noteBook } = await store.read('noteBook');
        if (noteBook.notes.length === seen.at(-1)) continue;
        seen.push(noteBook.notes.length);
        if (seen.length === 3) stop.abort();
        // by somebody else, after the watcher has gone back to waiting
        else setTimeout(() => store.transact(['noteBook'], addNote('more')), 20);
      }
      expect(seen).toEqual([1, 2, 3]);
    });

    test('an answer without entries changes nothing', async () => {
      const store = open();
      expect(await store.transact(['noteBook'], () => ({ answer: 'as it was' }))).toEqual({
        answer: 'as it was',
        entries: [],
      });
      expect(await linesOf(store)).toEqual([]);
    });

    test('an entry without documents is journaled and bound', async () => {
      const store = open();
      const { entries } = await store.transact([], () => ({ answer: null, entries: [draft('token.refused')] }));
      expect(await store.journal.boundHead()).toMatchObject({ seq: 1, hash: entries[0]?.hash });
    });

    test('work that throws changes nothing, and what it threw comes through', async () => {
      const store = open();
      await store.transact(['noteBook'], addNote('one'));
      const refusal = new Error('no');
      const refused = store.transact(['noteBook'], () => {
        throw refusal;
      });
      await expect(refused).rejects.toBe(refusal);
      expect((await store.read('noteBook')).noteBook.notes).toEqual(['one']);
      expect(await linesOf(store)).toHaveLength(1);
    });

    test('transactions at the same time lose nothing', async () => {
      const store = open();
      const notes = Array.from({ length: 12 }, (_, i) => `note ${i}`);
      await Promise.all(notes.map((note) => store.transact(['noteBook'], addNote(note))));
      expect([...(await store.read('noteBook')).noteBook.notes].sort()).toEqual([...notes].sort());
    });

    test('each entry follows the one before, and the newest is bound', async () => {
      const store = open();
      for (const note of ['one', 'two', 'three']) await store.transact(['noteBook'], addNote(note));
      let head = GENESIS;
      for (const { text } of await linesOf(store)) {
        const next = nextEntry(head, text);
        if (isFault(next)) throw new Error(next.words);
        head = next;
      }
      expect(head.seq).toBe(3);
      expect(await store.journal.boundHead()).toMatchObject({ seq: 3, hash: head.hash });
    });

    test('fields that nobody here knows stay, at every level and in their order', async () => {
      const store = open();
      await store.transact(['registry'], ({ registry }) => ({
        answer: null,
        documents: {
          registry: JSON.parse(`{"__proto__":{"x":1},${JSON.stringify(registry).slice(1, -1)},"zeta":[{"a":1}]}`),
        },
        entries: [draft('registry.adopt')],
      }));
      await store.transact(['registry'], addToken('ci'));
      const { registry } = await store.read('registry');
      expect(Object.keys(registry).at(0)).toBe('__proto__');
      expect(JSON.stringify(registry)).toContain('"__proto__":{"x":1},"version":1,');
      expect(JSON.stringify(registry)).toMatch(/,"zeta":\[\{"a":1\}\]\}$/);
      expect(Reflect.get({}, 'x')).toBeUndefined();
    });

    test('what was read belongs to the reader', async () => {
      const store = open();
      await store.transact(['noteBook'], addNote('one'));
      const { noteBook } = await store.read('noteBook');
      (noteBook.notes as string[]).push('not written');
      expect((await store.read('noteBook')).noteBook.notes).toEqual(['one']);
    });

    test('a payload is kept by its SHA-256, and an unknown one is said to be', async () => {
      const store = open();
      const bytes = Buffer.from('{"argv":["git","push"]}\u0000');
      await store.transact([], () => ({ answer: null, entries: [draft('approval.request')], payloads: [bytes] }));
      expect(Buffer.from(await store.payload(sha256(bytes))).equals(bytes)).toBe(true);
      await expect(store.payload('0'.repeat(64))).rejects.toMatchObject({ code: 'store.not_found' });
      await expect(store.payload('../access_registry.json')).rejects.toMatchObject({ code: 'store.not_found' });
    });

    test('more than an entry or a payload can hold is refused, nothing is kept', async () => {
      const store = open();
      const long = 'x'.repeat(1024 * 1024);
      const entry = store.transact(['noteBook'], addNote(long));
      await expect(entry).rejects.toMatchObject({ code: 'input.too_large' });
      const payload = store.transact([], () => ({
        answer: null,
        entries: [draft('approval.request')],
        payloads: [Buffer.from(`${long}x`)],
      }));
      await expect(payload).rejects.toMatchObject({ code: 'input.too_large' });
      expect((await store.read('noteBook')).noteBook.notes).toEqual([]);
      expect(await linesOf(store)).toEqual([]);
    });

    test('whoever follows the journal sees what comes later, until told to stop', async () => {
      const store = open();
      await store.transact(['noteBook'], addNote('before'));
      const stop = new AbortController();
      const seen: string[] = [];
      for await (const { text } of store.journal.lines(stop.signal)) {
        seen.push(text);
        if (seen.length === 1) await store.transact(['noteBook'], addNote('after'));
        else stop.abort();
      }
      expect(seen.map((line) => JSON.parse(JSON.parse(line).body).payload.note)).toEqual(['before', 'after']);
    });
  });
}

async function linesOf(store: Store<SampleState>): Promise<JournalLine[]> {
  const lines: JournalLine[] = [];
  for await (const line of store.journal.lines()) lines.push(line);
  return lines;
}
