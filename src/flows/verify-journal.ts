import { PalyraError } from '../errors.ts';
import { type Fault, type FaultKind, isFault, nextEntry } from '../journal/chain.ts';
import { type Entry, GENESIS, type Head } from '../journal/entry.ts';
import type { Journal } from '../store/store.ts';

/**
 * The first thing that is wrong. truncated: the journal ends before an entry that is bound outside of it. replaced:
 * another entry stands where the bound one stood. unbound: what binds the end is gone, so a cut could not be seen.
 * head_absent: no entry has the hash that somebody kept elsewhere.
 */
export interface JournalFault {
  readonly fault: FaultKind | 'truncated' | 'replaced' | 'unbound' | 'head_absent';
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
  /** by document: how often it was not what the entry before had left, so that something else than palyra had written it */
  readonly rewritten: readonly Rewritten[];
}

export interface Rewritten {
  readonly document: string;
  readonly times: number;
  /** the entry that found it so, the last time */
  readonly seq: number;
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
  const bound = await journal.boundHead();
  const walked = await walk(journal, bound ?? GENESIS, keptHead);
  const { end, torn, rewritten, transactions } = walked;
  const head = { seq: end.seq, hash: end.hash };
  const fault = walked.fault ?? (await holdToBound()) ?? (walked.keptHeadSeen ? null : absent(keptHead));
  return { head, torn, fault, rewritten };

  async function holdToBound(): Promise<JournalFault | null> {
    if (bound !== null) return end.seq < bound.seq ? truncated(end, bound) : null;
    // a crash may have come between the very first transaction and what binds it
    if (transactions < 2 || (await journal.boundHead()) !== null) return null;
    return { fault: 'unbound', words: 'what binds its end, checkpoint.json, is missing', place: null };
  }
}

interface Walked {
  /** the last entry of the last whole transaction */
  readonly end: Head;
  readonly torn: string | null;
  readonly fault: JournalFault | null;
  readonly keptHeadSeen: boolean;
  readonly rewritten: readonly Rewritten[];
  readonly transactions: number;
}

/** Every line, up to the first that does not follow; one at the very end that was never bound is torn, not wrong. */
async function walk(journal: Journal, bound: Head, keptHead: string | undefined): Promise<Walked> {
  let head: Head = GENESIS;
  /** where the last transaction began that has not yet shown its last entry */
  let open: { readonly head: Head; readonly place: string } | null = null;
  let suspect: JournalFault | null = null;
  let keptHeadSeen = keptHead === undefined || keptHead === GENESIS.hash;
  let transactions = 0;
  const rewrites = new Rewrites();
  const stop = (fault: JournalFault | null, torn: string | null = null): Walked => {
    const end = fault === null ? (open?.head ?? head) : head;
    return { end, torn, fault, keptHeadSeen, rewritten: rewrites.seen(), transactions };
  };
  for await (const { text, place, whole } of journal.lines()) {
    if (suspect !== null) return stop(suspect);
    const next = whole ? nextEntry(head, text) : UNFINISHED;
    if (isFault(next)) {
      if (next.fault !== 'malformed') return stop({ ...next, place });
      suspect = { ...next, place };
      continue;
    }
    if (next.seq === bound.seq && next.hash !== bound.hash) {
      const words = `entry ${next.seq} is not the one that was bound when it was written`;
      return stop({ fault: 'replaced', words, place });
    }
    open = next.body.more === undefined ? null : (open ?? { head, place });
    if (open === null) transactions++;
    rewrites.follow(next);
    head = next;
    keptHeadSeen ||= next.hash === keptHead;
  }
  if (suspect !== null && head.seq < bound.seq) return stop(suspect);
  return stop(null, open?.place ?? suspect?.place ?? null);
}

/** Which documents were not as the entry before had left them. */
class Rewrites {
  readonly #left = new Map<string, string>();
  readonly #found = new Map<string, Rewritten>();

  follow({ seq, body }: Entry): void {
    for (const { document, before, after } of body.changes ?? []) {
      if (before !== this.#left.get(document)) {
        this.#found.set(document, { document, times: (this.#found.get(document)?.times ?? 0) + 1, seq });
      }
      this.#left.set(document, after);
    }
  }

  seen(): readonly Rewritten[] {
    return [...this.#found.values()];
  }
}

function truncated(end: Head, bound: Head): JournalFault {
  const words = `the journal ends at entry ${end.seq}, but entry ${bound.seq} was in it`;
  return { fault: 'truncated', words, place: null };
}

function absent(keptHead: string | undefined): JournalFault {
  return { fault: 'head_absent', words: `no entry has the hash ${keptHead}`, place: null };
}

const UNFINISHED: Fault = { fault: 'malformed', words: 'a line without an end' };
