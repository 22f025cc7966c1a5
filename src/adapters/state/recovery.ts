import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PalyraError } from '../../errors.ts';
import { isFault, nextEntry } from '../../journal/chain.ts';
import { type Entry, type Head, readEntry } from '../../journal/entry.ts';
import { sha256 } from '../../sha256.ts';
import { DOCUMENT_BYTES } from '../../store/bounds.ts';
import {
  afterEntries,
  CHECKPOINT,
  type Checkpoint,
  type Digests,
  headOf,
  printCheckpoint,
  readCheckpoint,
} from './checkpoint.ts';
import { cutTorn, readLines, readTail, segmentHolding, type Tail } from './journal-file.ts';
import { discard, readPrivateFile, STAGED, stageFile } from './safe-file.ts';
import { moveIntoPlace, readDocumentFile, type Staged } from './state-files.ts';

/** What people should hear of, though it is no error. */
export type RecoveryNotice =
  /** a crash had left so many bytes of an entry that nobody was told of */
  | { readonly kind: 'torn_cut'; readonly bytes: number }
  /** a crash had come between this entry and its documents */
  | { readonly kind: 'finished'; readonly seq: number };

/** A state in which nothing is left to do: the journal's end, and the documents as they must be. */
export interface Settled {
  readonly tail: Tail;
  readonly digests: Digests;
}

/**
 * Under the lock, before anything else: cut what is torn, finish what was committed, remove what was not. Damage is
 * refused before a byte is touched.
 * @throws PalyraError store.unsafe
 */
export function settle(root: string, notice: (notice: RecoveryNotice) => void): Settled {
  const checkpoint = readCheckpoint(root);
  const journal = join(root, 'journal');
  const tail = readTail(journal);
  const pending = entriesBeyond(journal, checkpoint, tail.head);
  cutTorn(journal, tail);
  if (tail.tornBytes > 0) notice({ kind: 'torn_cut', bytes: tail.tornBytes });
  const before = checkpoint?.documents ?? {};
  const digests = afterEntries(before, pending);
  if (pending.length > 0) {
    finish(root, tail.head, digests, pending);
    notice({ kind: 'finished', seq: tail.head.seq });
  }
  for (const path of leftovers(root)) discard(path);
  return { tail: { ...tail, tornBytes: 0 }, digests };
}

/**
 * The entries that the checkpoint does not know: of a transaction that a crash cut off from its documents.
 * @throws PalyraError store.unsafe if they do not follow from what it knows, or it is missing
 */
export function entriesBeyond(journal: string, checkpoint: Checkpoint | null, head: Head): readonly Entry[] {
  const bound = headOf(checkpoint);
  if (head.hash === bound.hash) return [];
  const beyond: Entry[] = [];
  let last = bound;
  const start = { segment: segmentHolding(journal, bound.seq), offset: 0, line: 0 };
  for (const { text } of readLines(journal, start)) {
    const entry = readEntry(text);
    if (typeof entry === 'object' && (entry.seq < bound.seq || entry.hash === bound.hash)) continue;
    const next = nextEntry(last, text);
    if (isFault(next)) break;
    beyond.push(next);
    last = next;
    if (next.hash === head.hash) break;
  }
  if (last.hash !== head.hash) {
    throw new PalyraError('store.unsafe', `the journal does not lead on from entry ${bound.seq}, which was in it`, {
      why: 'lines were cut off or changed, or an older copy was put in its place',
      hint: 'palyra journal verify',
    });
  }
  if (checkpoint === null && beyond.slice(0, -1).some(({ body }) => body.more === undefined)) {
    throw new PalyraError('store.unsafe', `${CHECKPOINT} is missing beside a journal of ${head.seq} entries`, {
      why: 'the end of the journal and the documents can no longer be told to be the newest',
      hint: 'put back the newest copy, or: palyra doctor',
    });
  }
  return beyond;
}

/** Rename the staged documents that the entries name, as whoever wrote the entries would have. */
function finish(root: string, head: Head, digests: Digests, pending: readonly Entry[]): void {
  const staged = findStaged(root, head, pending);
  const path = stageFile(root, Buffer.from(printCheckpoint(head, digests)));
  moveIntoPlace([...staged, { path, target: join(root, CHECKPOINT) }]);
}

/**
 * The documents that a crash left to be renamed.
 * @throws PalyraError store.unsafe if one of them is gone
 */
export function findStaged(root: string, head: Head, pending: readonly Entry[]): readonly Staged[] {
  const ready = new Map<string, string>();
  for (const path of leftovers(root)) {
    const bytes = readPrivateFile(path, DOCUMENT_BYTES);
    if (bytes !== null) ready.set(sha256(bytes), path);
  }
  const staged: Staged[] = [];
  for (const [name, digest] of Object.entries(afterEntries({}, pending))) {
    if (readDocumentFile(root, name)?.sha256 === digest) continue;
    const path = ready.get(digest);
    if (path === undefined) throw lost(name, head);
    staged.push({ path, target: join(root, name) });
  }
  return staged;
}

function lost(name: string, head: Head): PalyraError {
  return new PalyraError('store.unsafe', `${name} is older than entry ${head.seq} of the journal`, {
    why: 'and the copy that was made ready for it is gone',
    hint: 'put back the newest copy, or: palyra doctor',
  });
}

function leftovers(root: string): string[] {
  return readdirSync(root)
    .filter((name) => STAGED.test(name))
    .map((name) => join(root, name));
}
