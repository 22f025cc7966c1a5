import { registryShape } from '../../src/access/registry.ts';
import type { DocumentShape } from '../../src/document.ts';
import type { Actor, EntryDraft } from '../../src/journal/entry.ts';
import type { EntryKind } from '../../src/journal/kind.ts';
import { list, record, text, whole } from '../../src/schema.ts';

const noteBook = record({ version: whole, notes: list(text) });

/** A small document that is ours alone. */
export interface NoteBook {
  readonly version: number;
  readonly notes: readonly string[];
}

const noteBookShape: DocumentShape<NoteBook> = {
  name: 'notes/book.json',
  version: { field: 'version', understood: 1 },
  shared: false,
  check: noteBook,
  empty: () => ({ version: 1, notes: [] }),
};

export const sampleShapes = { registry: registryShape, noteBook: noteBookShape };

export interface SampleState {
  readonly registry: ReturnType<typeof registryShape.empty>;
  readonly noteBook: NoteBook;
}

export const actor: Actor = { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' };

/** The store takes any kind, so its tests have some of their own. */
export function draft(kind: string, payload: Readonly<Record<string, unknown>> = {}): EntryDraft {
  return { timeUnixMs: 1_800_000_000_000, actor, kind: kind as EntryKind, payload };
}

/** The book with one more note, and the entry that says so. */
export function addNote(note: string) {
  return ({ noteBook }: Pick<SampleState, 'noteBook'>) => ({
    answer: note,
    documents: { noteBook: { ...noteBook, notes: [...noteBook.notes, note] } },
    entries: [draft('note.add', { note })] as const,
  });
}

/** The registry with one more token of that label, and the entry that says so. */
export function addToken(label: string) {
  return ({ registry }: Pick<SampleState, 'registry'>) => ({
    answer: label,
    documents: {
      registry: { ...registry, api_tokens: [...registry.api_tokens, tokenOf(label, registry.api_tokens.length)] },
    },
    entries: [draft('token.mint', { label })] as const,
  });
}

export function tokenOf(label: string, index: number) {
  return {
    token_id: `01J${String(index).padStart(23, '0')}`,
    label,
    token_prefix: 'palyra_0000',
    token_hash_sha256: index.toString(16).padStart(64, '0'),
    scopes: ['compat.chat.create', 'sessions.use'],
    principal: 'user:ops',
    role: 'operator' as const,
    rate_limit_per_minute: 120,
    created_at_unix_ms: 1_800_000_000_000,
    updated_at_unix_ms: 1_800_000_000_000,
  };
}
