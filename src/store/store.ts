import type { DocumentShape } from '../document.ts';
import type { Entry, EntryDraft, Head } from '../journal/entry.ts';

/** The documents of a state, by the names that flows call them. */
export type Shapes<D> = { readonly [N in keyof D]: DocumentShape<D[N]> };

/**
 * What is stored, by intent. One state: its documents, its journal and its payloads change together or not at all.
 * Whoever implements it passes test/store/contract.ts.
 */
export interface Store<D> {
  /**
   * The documents as of one moment; the ones of a first run where nothing was stored yet. Creates nothing.
   * @throws PalyraError store.unsafe
   */
  read<N extends keyof D>(...names: readonly N[]): Promise<Pick<D, N>>;

  /**
   * Read, decide, write, alone among all processes. When it returns, everything is on stable storage; when it throws,
   * nothing was changed (but see store.write_failed, whose `why` says so if the change was committed and its end is
   * left to the next opener).
   * @param work may run twice, so it asks nobody, starts nothing and changes no argument; what it throws is passed on
   * @throws PalyraError store.unsafe, store.busy, store.write_failed, input.too_large
   */
  transact<N extends keyof D, A>(names: readonly N[], work: Work<Pick<D, N>, A>): Promise<Committed<A>>;

  /**
   * The bytes that an entry keeps by their SHA-256.
   * @throws PalyraError store.not_found, store.unsafe
   */
  payload(sha256: string): Promise<Uint8Array>;

  /**
   * Once at once, and then again soon after each transaction of anybody, until it is aborted. Whoever reads when told
   * misses nothing; several transactions may be told as one, and now and then there was none.
   */
  changes(until: AbortSignal): AsyncIterable<void>;

  readonly journal: Journal;
}

export type Work<S, A> = (documents: S) => Outcome<S, A>;

/** What a piece of work comes to: an answer, and what changes. Nothing changes without an entry that says so. */
export type Outcome<S, A> =
  | { readonly answer: A; readonly entries?: never; readonly documents?: never; readonly payloads?: never }
  | {
      readonly answer: A;
      readonly entries: readonly [EntryDraft, ...EntryDraft[]];
      /** the documents that are new; those left out stay */
      readonly documents?: Partial<S>;
      /** kept by their SHA-256, at most 1 MiB each */
      readonly payloads?: readonly Uint8Array[];
    };

/** `entries`: what now stands in the journal; none if nothing was to change. */
export interface Committed<A> {
  readonly answer: A;
  readonly entries: readonly Entry[];
}

/** The journal as it is kept. Asking about it changes nothing and waits for no lock. */
export interface Journal {
  /**
   * Every line from the first on. With `until`, waits for further lines until that is aborted; without, a last line
   * that is not whole comes as it is.
   */
  lines(until?: AbortSignal): AsyncIterable<JournalLine>;

  /** The newest entry that is bound outside of the journal, so that a cut is noticed; null before the first. */
  boundHead(): Promise<Head | null>;
}

export interface JournalLine {
  readonly text: string;
  /** where people find it: `journal/000000000001.ndjson:17` */
  readonly place: string;
  /** false for the torn end that a crash leaves */
  readonly whole: boolean;
}

/** Each document by its name. */
export function pickDocuments<D, N extends keyof D>(names: readonly N[], load: (name: N) => D[N]): Pick<D, N> {
  return Object.fromEntries(names.map((name) => [name, load(name)])) as Pick<D, N>;
}
