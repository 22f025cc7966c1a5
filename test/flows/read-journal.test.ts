import { expect, test } from 'vitest';
import { type JournalFilter, readJournal } from '../../src/flows/read-journal.ts';
import { memoryStore } from '../../src/store/memory-store.ts';
import { actor, draft, sampleShapes } from '../store/samples.ts';

const NOON = 1_800_000_000_000;

test.each<readonly [JournalFilter, readonly number[]]>([
  [{}, [1, 2, 3, 4]],
  [{ sinceUnixMs: NOON + 1 }, [2, 3, 4]],
  [{ sinceUnixMs: NOON + 1, untilUnixMs: NOON + 3 }, [2, 3]],
  [{ kind: 'token' }, [1, 3]],
  [{ kind: 'token.mint' }, [1]],
  [{ kind: 'tok' }, []],
  [{ principal: 'user:ops' }, [1, 2, 4]],
  [{ principal: 'user:boss' }, [3, 4]],
])('%j passes the entries %j', async (filter, passed) => {
  const store = memoryStore(sampleShapes);
  const entries = [
    draft('token.mint'),
    { ...draft('flag.enable'), timeUnixMs: NOON + 1 },
    { ...draft('token.revoke'), timeUnixMs: NOON + 2, actor: { ...actor, principal: 'user:boss' } },
    { ...draft('tokens'), timeUnixMs: NOON + 3, actor: { ...actor, as: 'user:boss' } },
  ] as const;
  await store.transact([], () => ({ answer: null, entries }));
  const seen: number[] = [];
  for await (const { seq } of readJournal(store, filter)) seen.push(seq);
  expect(seen).toEqual(passed);
});

test('an entry that was tampered with is not passed on', async () => {
  const journal = {
    async *lines() {
      yield { text: '{"prev":"","hash":"","body":"{}"}', place: 'line 1', whole: true };
    },
    boundHead: async () => null,
  };
  await expect(readJournal({ journal }).next()).rejects.toMatchObject({
    code: 'store.unsafe',
    message: 'line 1 is not an entry as it was written (edited)',
  });
});
