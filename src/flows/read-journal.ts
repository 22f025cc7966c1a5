import { PalyraError } from '../errors.ts';
import { type Entry, type EntryBody, readEntry } from '../journal/entry.ts';
import type { Journal } from '../store/store.ts';

/** Which entries; every condition that is given must hold. */
export interface JournalFilter {
  /** at or after */
  readonly sinceUnixMs?: number;
  /** before */
  readonly untilUnixMs?: number;
  /** `token.mint`, or all of `token` */
  readonly kind?: string;
  /** who did it, or for whom */
  readonly principal?: string;
}

/**
 * The entries that pass, in order, each when its transaction is there whole: what a crash left unfinished at the end is
 * passed over. A journal that ends before what is bound outside of it was cut, and is no history.
 * @param until with it, entries that come later too, until it is aborted
 * @throws PalyraError store.unsafe
 */
export async function* readJournal(
  { journal }: { readonly journal: Journal },
  filter: JournalFilter = {},
  until?: AbortSignal,
): AsyncGenerator<Entry> {
  let transaction: Entry[] = [];
  // before the lines: those that are added meanwhile come after it
  const bound = await journal.boundHead();
  let end = 0;
  for await (const { text, place, whole } of journal.lines(until)) {
    if (!whole) break;
    const entry = readEntry(text);
    if (typeof entry === 'string') {
      throw new PalyraError('store.unsafe', `${place} is not an entry as it was written (${entry})`, {
        hint: 'palyra journal verify',
      });
    }
    transaction.push(entry);
    if (entry.body.more !== undefined) continue;
    yield* transaction.filter(({ body }) => passes(filter, body));
    transaction = [];
    end = entry.seq;
  }
  if (bound === null || end >= bound.seq || until !== undefined) return;
  throw new PalyraError('store.unsafe', `the journal ends at entry ${end}, but entry ${bound.seq} was in it`, {
    why: 'lines were cut off, or an older copy was put in its place',
    hint: 'palyra journal verify',
  });
}

function passes({ sinceUnixMs, untilUnixMs, kind, principal }: JournalFilter, body: EntryBody): boolean {
  if (sinceUnixMs !== undefined && body.time_unix_ms < sinceUnixMs) return false;
  if (untilUnixMs !== undefined && body.time_unix_ms >= untilUnixMs) return false;
  if (kind !== undefined && body.kind !== kind && !body.kind.startsWith(`${kind}.`)) return false;
  return principal === undefined || body.actor.principal === principal || body.actor.as === principal;
}
