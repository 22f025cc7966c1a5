import { PalyraError } from '../errors.ts';
import { type Fault, type FaultKind, isFault, nextEntry } from '../journal/chain.ts';
import { GENESIS, type Head } from '../journal/entry.ts';
import type { Journal } from '../store/store.ts';

/**
 * The first thing that is wrong. truncated: the journal ends before an entry that is bound outside of it. replaced:
 * another entry stands where the bound one stood. head_absent: no entry has the hash that somebody kept elsewhere.
 */
export interface JournalFault {
  readonly fault: FaultKind | 'truncated' | 'replaced' | 'head_absent';
  readonly words: string;
  /** the first bad line; null if what is wrong is that there is none */
  readonly place: string | null;
}

export interface JournalVerdict {
  /** the last good entry */
  readonly head: Head;
  /** the line that a crash left unfinished and nobody was told of; the next change cuts it off */
  readonly torn: string | null;
  readonly fault: JournalFault | null;
}

/**
 * Hold every line of the journal to the one before it, and the whole to what is bound outside of it.
 * @param keptHead the hash of an entry that must be in it, as somebody noted it elsewhere
 * @throws PalyraError usage.invalid, store.unsafe
 */
export async function verifyJournal(
  { journal }: { readonly journal: Journal },
  keptHead?: string,
): Promise<JournalVerdict> {
  if (keptHead !== undefined && !/^[0-9a-f]{64}$/.test(keptHead)) {
    throw new PalyraError('usage.invalid', 'a head is 64 lower-case hexadecimal characters', {
      hint: 'palyra journal verify --json   prints the head to keep elsewhere',
    });
  }
  // before the lines: those that are added meanwhile come after it
  const bound = (await journal.boundHead()) ?? GENESIS;
  let head = GENESIS;
  /** where the last transaction began that has not yet shown its last entry */
  let open: { readonly head: Head; readonly place: string } | null = null;
  let suspect: JournalFault | null = null;
  let keptHeadSeen = keptHead === undefined || keptHead === GENESIS.hash;
  for await (const { text, place, whole } of journal.lines()) {
    if (suspect !== null) return { head, torn: null, fault: suspect };
    const next = whole ? nextEntry(head, text) : UNFINISHED;
    if (isFault(next)) {
      // at the very end, and not bound: what a crash left
      if (next.fault !== 'malformed') return { head, torn: null, fault: { ...next, place } };
      suspect = { ...next, place };
      continue;
    }
    if (next.seq === bound.seq && next.hash !== bound.hash) {
      const words = `entry ${next.seq} is not the one that was bound when it was written`;
      return { head, torn: null, fault: { fault: 'replaced', words, place } };
    }
    open = next.body.more === undefined ? null : (open ?? { head, place });
    head = next;
    keptHeadSeen ||= next.hash === keptHead;
  }
  const torn = open?.place ?? suspect?.place ?? null;
  const end = open?.head ?? head;
  if (end.seq < bound.seq) {
    if (suspect !== null) return { head: end, torn: null, fault: suspect };
    const words = `the journal ends at entry ${end.seq}, but entry ${bound.seq} was in it`;
    return { head: end, torn, fault: { fault: 'truncated', words, place: null } };
  }
  if (!keptHeadSeen) {
    return {
      head: end,
      torn,
      fault: { fault: 'head_absent', words: `no entry has the hash ${keptHead}`, place: null },
    };
  }
  return { head: { seq: end.seq, hash: end.hash }, torn, fault: null };
}

const UNFINISHED: Fault = { fault: 'malformed', words: 'a line without an end' };
