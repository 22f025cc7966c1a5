import { parseOwnDocument } from '../document.ts';
import { PalyraError } from '../errors.ts';
import { type DocumentChange, type Entry, GENESIS, writeEntries } from '../journal/entry.ts';
import { type Sealed, sealDocument, sealPayload } from './bounds.ts';
import { type JournalLine, pickDocuments, type Shapes, type Store } from './store.ts';

/** A store for tests: the same contract, gone with the process. */
export function memoryStore<D extends object>(shapes: Shapes<D>): Store<D> {
  const documents = new Map<keyof D, Sealed>();
  const payloads = new Map<string, Uint8Array>();
  const entries: Entry[] = [];
  const followers = new Set<() => void>();

  // nothing below awaits between reading and writing, so each piece of work runs alone
  return {
    async read(...names) {
      return pickDocuments(names, load);
    },

    async transact(names, work) {
      const {
        answer,
        entries: drafts,
        documents: changed = {},
        payloads: kept = [],
      } = work(pickDocuments(names, load));
      if (drafts === undefined) return { answer, entries: [] };
      const next = new Map<keyof D, Sealed>();
      const changes: DocumentChange[] = [];
      for (const name of names) {
        const document = (changed as Partial<D>)[name];
        if (document === undefined) continue;
        const sealed = sealDocument(shapes[name], document);
        const before = documents.get(name)?.sha256;
        if (before === sealed.sha256) continue;
        next.set(name, sealed);
        changes.push({
          document: shapes[name].name,
          ...(before === undefined ? {} : { before }),
          after: sealed.sha256,
        });
      }
      const sealed = kept.map(sealPayload);
      const written = writeEntries(drafts, changes, entries.at(-1) ?? GENESIS);
      for (const { sha256, bytes } of sealed) payloads.set(sha256, Uint8Array.from(bytes));
      for (const [name, document] of next) documents.set(name, document);
      entries.push(...written);
      for (const wake of followers) wake();
      followers.clear();
      return { answer, entries: written };
    },

    async payload(sha256) {
      const bytes = payloads.get(sha256);
      if (bytes === undefined) throw new PalyraError('store.not_found', `no payload ${sha256}`);
      return Uint8Array.from(bytes);
    },

    async *changes(until) {
      while (!until.aborted) {
        const next = nextTransaction(until);
        yield;
        await next;
      }
    },

    journal: {
      async *lines(until) {
        for (let next = 0; ; ) {
          for (const entry of entries.slice(next)) {
            next++;
            yield lineOf(entry);
          }
          if (until === undefined || until.aborted) return;
          if (next === entries.length) await nextTransaction(until);
        }
      },
      async boundHead() {
        return entries.at(-1) ?? null;
      },
    },
  };

  function nextTransaction(until: AbortSignal): Promise<void> {
    return new Promise((wake) => {
      followers.add(wake);
      until.addEventListener('abort', () => wake(), { once: true });
    });
  }

  function load<N extends keyof D>(name: N): D[N] {
    const sealed = documents.get(name);
    return sealed === undefined ? shapes[name].empty() : parseOwnDocument(shapes[name], sealed.bytes);
  }
}

function lineOf({ line, seq }: Entry): JournalLine {
  return { text: line, place: `entry ${seq}`, whole: true };
}
