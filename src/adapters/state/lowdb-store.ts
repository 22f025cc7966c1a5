import { dirname, join } from 'node:path';
import { Low } from 'lowdb';
import { type DocumentShape, parseDocument, parseOwnDocument } from '../../document.ts';
import { PalyraError, systemCode } from '../../errors.ts';
import { type DocumentChange, type Entry, writeEntries } from '../../journal/entry.ts';
import { sha256 } from '../../sha256.ts';
import { PAYLOAD_BYTES, sealDocument, sealPayload } from '../../store/bounds.ts';
import { type Committed, pickDocuments, type Shapes, type Store, type Work } from '../../store/store.ts';
import { watchChanges } from './changes.ts';
import { afterEntries, CHECKPOINT, type Digests, headOf, printCheckpoint, readCheckpoint } from './checkpoint.ts';
import { appendEntries, followLines, isEmpty, readTail } from './journal-file.ts';
import { withLock } from './lock.ts';
import { type RecoveryNotice, settle } from './recovery.ts';
import {
  checkPrivateFolder,
  decodeUtf8,
  discard,
  ensurePrivateFolder,
  readPrivateFile,
  stageFile,
  syncFolder,
} from './safe-file.ts';
import {
  keepPayload,
  loadDocument,
  moveIntoPlace,
  readDocumentFile,
  refuseWithoutJournal,
  type Staged,
} from './state-files.ts';

export type StoreNotice = RecoveryNotice | { readonly kind: 'created'; readonly root: string };

export interface LowdbWorld<D> {
  /** the state root; the first transaction makes it */
  readonly root: string;
  /** each document is a file, by the name of its shape */
  readonly shapes: Shapes<D>;
  readonly notice: (notice: StoreNotice) => void;
}

/**
 * The embedded store: lowdb's `Low` over files of our own making, one lock, one journal.
 * A transaction stages each new file and syncs it, appends its entries (the commit point: they name the new documents by
 * SHA-256), and renames. Whoever opens next after a crash in between renames in its stead.
 */
export function lowdbStore<D extends object>(world: LowdbWorld<D>): Store<D> {
  const { root, shapes, notice } = world;
  return {
    async read(...names) {
      if (!checkPrivateFolder(root)) return firstRun(names);
      // a writer that came between is done the second time; what a crash left is not
      const seen = readTogether(world, names) ?? readTogether(world, names);
      if (seen !== null) return seen;
      return alone(async () => {
        const { digests } = settle(root, notice);
        return pickDocuments(names, (name) => {
          return loadDocument(root, shapes[name], digests)?.document ?? shapes[name].empty();
        });
      });
    },

    async transact(names, work) {
      const wanted = [...names];
      if (!checkPrivateFolder(root)) {
        // what is refused or changes nothing creates nothing
        const { answer, entries } = work(firstRun(wanted));
        if (entries === undefined) return { answer, entries: [] };
      }
      return alone(() => transactAlone(world, wanted, work));
    },

    async payload(digest) {
      const path = join(root, 'payloads', digest);
      const bytes = /^[0-9a-f]{64}$/.test(digest) ? readPrivateFile(path, PAYLOAD_BYTES) : null;
      if (bytes === null) throw new PalyraError('store.not_found', `no payload ${digest}`, { hint: 'palyra doctor' });
      if (sha256(bytes) === digest) return bytes;
      throw new PalyraError('store.unsafe', `${path} is not what its name says`, { hint: 'palyra doctor' });
    },

    changes: (until) => watchChanges(root, until),

    journal: {
      async *lines(until) {
        checkPrivateFolder(root);
        yield* followLines(join(root, 'journal'), until);
      },
      async boundHead() {
        if (!checkPrivateFolder(root)) return null;
        const checkpoint = readCheckpoint(root);
        if (checkpoint === null && isEmpty(join(root, 'journal'))) refuseWithoutJournal(root, shapes);
        return checkpoint?.head ?? null;
      },
    },
  };

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (ensurePrivateFolder(root) === 'made') notice({ kind: 'created', root });
      return await withLock(join(root, 'lock'), work);
    } catch (error) {
      throw asWriteFailed(error);
    }
  }

  function firstRun<N extends keyof D>(names: readonly N[]): Pick<D, N> {
    return pickDocuments(names, (name) => shapes[name].empty());
  }
}

/** Without the lock: documents of one moment, or null if a writer came between or a crash left something to finish. */
function readTogether<D, N extends keyof D>({ root, shapes }: LowdbWorld<D>, names: readonly N[]): Pick<D, N> | null {
  const checkpoint = readCheckpoint(root);
  const files = new Map(names.map((name) => [name, readDocumentFile(root, shapes[name].name)]));
  const { head, segment } = readTail(join(root, 'journal'));
  // until our first transaction there are at most documents of other programs
  const isOurs = checkpoint !== null || segment !== null;
  if (!isOurs) refuseWithoutJournal(root, shapes);
  if (isOurs && head.hash !== headOf(checkpoint).hash) return null;
  if (isOurs && names.some((name) => files.get(name)?.sha256 !== checkpoint?.documents[shapes[name].name])) return null;
  return pickDocuments(names, (name) => {
    const shape = shapes[name];
    const file = files.get(name);
    if (file === undefined || file === null) return shape.empty();
    if (isOurs) return parseOwnDocument(shape, file.bytes);
    return parseDocument(shape, decodeUtf8(file.bytes, join(root, shape.name)));
  });
}

async function transactAlone<D, N extends keyof D, A>(
  { root, shapes, notice }: LowdbWorld<D>,
  names: readonly N[],
  work: Work<Pick<D, N>, A>,
): Promise<Committed<A>> {
  const { tail, digests } = settle(root, notice);
  if (tail.segment === null) refuseWithoutJournal(root, shapes);
  const next: NextState = { staged: [], changes: [] };
  const lows = new Map<N, Low<D[N]>>();
  for (const name of names) lows.set(name, await openLow(root, shapes[name], digests, next));
  const now = Object.fromEntries([...lows].map(([name, low]) => [name, low.data])) as Pick<D, N>;
  const { answer, entries: drafts, documents, payloads } = work(now);
  if (drafts === undefined) return { answer, entries: [] };

  let entries: readonly Entry[] = [];
  try {
    for (const [name, low] of lows) {
      const document: D[N] | undefined = documents?.[name];
      if (document === undefined || document === low.data) continue;
      low.data = document;
      await low.write();
    }
    for (const payload of payloads ?? []) keepPayload(root, sealPayload(payload));
    entries = writeEntries(drafts, next.changes, tail.head);
    const checkpoint = printCheckpoint(entries.at(-1) ?? tail.head, afterEntries(digests, entries));
    next.staged.push({ path: stageFile(root, Buffer.from(checkpoint)), target: join(root, CHECKPOINT) });
    for (const { target } of next.staged) ensurePrivateFolder(dirname(target));
    ensurePrivateFolder(join(root, 'journal'));
    // the staged files have names that last before the entry counts on them
    syncFolder(root);
    appendEntries(join(root, 'journal'), tail, entries);
  } catch (error) {
    if (isCommitted(root, entries)) throw unfinished(entries, error);
    for (const { path } of next.staged) discard(path);
    throw error;
  }
  try {
    moveIntoPlace(next.staged);
  } catch (error) {
    throw unfinished(entries, error);
  }
  return { answer, entries };
}

/** What a transaction has made ready, and what its last entry will say of it. */
interface NextState {
  readonly staged: Staged[];
  readonly changes: DocumentChange[];
}

/** `Low` keeps its default for anything falsy, so what cannot be read throws. It lives as long as the lock is held. */
async function openLow<T>(
  root: string,
  shape: DocumentShape<T>,
  digests: Digests,
  { staged, changes }: NextState,
): Promise<Low<T>> {
  let before: string | undefined;
  const adapter = {
    read: async () => {
      const loaded = loadDocument(root, shape, digests);
      before = loaded?.digest;
      return loaded?.document ?? null;
    },
    write: async (document: T) => {
      const { bytes, sha256: after } = sealDocument(shape, document);
      if (after === before) return;
      staged.push({ path: stageFile(root, bytes), target: join(root, shape.name) });
      changes.push({ document: shape.name, ...(before === undefined ? {} : { before }), after });
    },
  };
  const low = new Low<T>(adapter, shape.empty());
  await low.read();
  return low;
}

/** Whether entries stand in the journal although appending them failed, and taking them back too. */
function isCommitted(root: string, entries: readonly Entry[]): boolean {
  try {
    const last = entries.at(-1);
    return last !== undefined && readTail(join(root, 'journal')).head.hash === last.hash;
  } catch {
    return true;
  }
}

function unfinished(entries: readonly Entry[], cause: unknown): PalyraError {
  return new PalyraError('store.write_failed', 'the change was recorded but not finished', {
    why: `it is entry ${entries.at(-1)?.seq} of the journal; the next command finishes it`,
    details: { committed: true },
    cause,
  });
}

function asWriteFailed(error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof PalyraError || code === undefined || !(error instanceof Error)) return error;
  return new PalyraError('store.write_failed', 'the state could not be written', {
    why: `${error.message}; nothing was changed`,
    ...(code === 'ENOSPC' || code === 'EDQUOT' ? { hint: 'make room on the disk, then try again' } : {}),
    cause: error,
  });
}
