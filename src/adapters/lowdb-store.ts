import { dirname, join } from 'node:path';
import { Low } from 'lowdb';
import { parseDocument, parseOwnDocument } from '../document.ts';
import { PalyraError, systemCode } from '../errors.ts';
import { type DocumentChange, type Entry, writeEntries } from '../journal/entry.ts';
import { sha256 } from '../sha256.ts';
import { PAYLOAD_BYTES, sealDocument, sealPayload } from '../store/bounds.ts';
import { type Committed, pickDocuments, type Shapes, type Store, type Work } from '../store/store.ts';
import { afterEntries, CHECKPOINT, headOf, printCheckpoint, readCheckpoint } from './checkpoint.ts';
import { appendEntries, followLines, readTail } from './journal-file.ts';
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
import { keepPayload, loadDocument, moveIntoPlace, readDocumentFile, type Staged } from './state-files.ts';

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
  const lock = join(root, 'lock');
  const journal = join(root, 'journal');

  return {
    async read(...names) {
      if (!checkPrivateFolder(root)) return firstRun(names);
      // a writer that came between is done the second time; what a crash left is not
      const seen = readTogether(world, names) ?? readTogether(world, names);
      if (seen !== null) return seen;
      return withLock(lock, async () => {
        const { digests } = settle(root, notice);
        return pickDocuments(names, (name) => loadDocument(root, shapes[name], digests).document);
      });
    },

    async transact(names, work) {
      const wanted = [...names];
      if (!checkPrivateFolder(root)) {
        // what is refused or changes nothing creates nothing
        const { answer, entries } = work(firstRun(wanted));
        if (entries === undefined) return { answer, entries: [] };
      }
      try {
        if (ensurePrivateFolder(root) === 'made') notice({ kind: 'created', root });
        return await withLock(lock, () => transactAlone(world, wanted, work));
      } catch (error) {
        throw asWriteFailed(error);
      }
    },

    async payload(digest) {
      const path = join(root, 'payloads', digest);
      const bytes = /^[0-9a-f]{64}$/.test(digest) ? readPrivateFile(path, PAYLOAD_BYTES) : null;
      if (bytes === null) throw new PalyraError('store.not_found', `no payload ${digest}`);
      if (sha256(bytes) === digest) return bytes;
      throw new PalyraError('store.unsafe', `${path} is not what its name says`, { hint: 'palyra doctor' });
    },

    journal: {
      lines: (until) => followLines(journal, until),
      boundHead: async () => (checkPrivateFolder(root) ? (readCheckpoint(root)?.head ?? null) : null),
    },
  };

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
  const staged: Staged[] = [];
  const changes: DocumentChange[] = [];
  const lows = new Map(await Promise.all(names.map(async (name) => [name, await openLow(name)] as const)));
  const { answer, entries: drafts, documents, payloads } = work(pickDocuments(names, (name) => lowOf(name).data));
  if (drafts === undefined) return { answer, entries: [] };

  let entries: readonly Entry[] = [];
  try {
    for (const name of names) {
      const low = lowOf(name);
      const next: D[N] | undefined = documents?.[name];
      if (next === undefined || next === low.data) continue;
      low.data = next;
      await low.write();
    }
    for (const payload of payloads ?? []) keepPayload(root, sealPayload(payload));
    entries = writeEntries(drafts, changes, tail.head);
    stageCheckpoint();
    for (const { target } of staged) ensurePrivateFolder(dirname(target));
    ensurePrivateFolder(join(root, 'journal'));
    syncFolder(root);
    appendEntries(join(root, 'journal'), tail, entries);
  } catch (error) {
    if (!isCommitted(root, entries)) for (const { path } of staged) discard(path);
    throw error;
  }
  try {
    moveIntoPlace(staged);
  } catch (error) {
    throw new PalyraError('store.write_failed', 'the change was recorded but not finished', {
      why: `it is entry ${entries.at(-1)?.seq} of the journal; the next command finishes it`,
      details: { committed: true },
      cause: error,
    });
  }
  return { answer, entries };

  /** `Low` keeps its default for anything falsy, so the adapter throws where it cannot read. It lives as long as the lock. */
  async function openLow(name: N): Promise<Low<D[N]>> {
    const shape = shapes[name];
    const { document, digest } = loadDocument(root, shape, digests);
    const adapter = {
      read: async () => document,
      write: async (next: D[N]) => {
        const { bytes, sha256: after } = sealDocument(shape, next);
        if (after === digest) return;
        staged.push({ path: stageFile(root, bytes), target: join(root, shape.name) });
        changes.push({ document: shape.name, ...(digest === undefined ? {} : { before: digest }), after });
      },
    };
    const low = new Low<D[N]>(adapter, document);
    await low.read();
    return low;
  }

  function lowOf(name: N): Low<D[N]> {
    const low = lows.get(name);
    if (low === undefined) throw new Error(`the document ${String(name)} was not asked for`);
    return low;
  }

  function stageCheckpoint(): void {
    const text = printCheckpoint(entries.at(-1) ?? tail.head, afterEntries(digests, entries));
    staged.push({ path: stageFile(root, Buffer.from(text)), target: join(root, CHECKPOINT) });
  }
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

function asWriteFailed(error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof PalyraError || code === undefined || !(error instanceof Error)) return error;
  return new PalyraError('store.write_failed', 'the state could not be written', {
    why: `${error.message}; nothing was changed`,
    ...(code === 'ENOSPC' || code === 'EDQUOT' ? { hint: 'make room on the disk, then try again' } : {}),
    cause: error,
  });
}
