import { join } from 'node:path';
import { STRICT } from '../../document.ts';
import { PalyraError } from '../../errors.ts';
import { type Entry, GENESIS, type Head } from '../../journal/entry.ts';
import { parseJson } from '../../json.ts';
import { type Check, type Checked, record, text, whole } from '../../schema.ts';
import { decodeUtf8, readPrivateFile } from './safe-file.ts';

/** The documents by their SHA-256, by the names of their shapes. */
export type Digests = Readonly<Record<string, string>>;

const checkpoint = record({
  version: whole,
  /** the newest entry: a journal that ends before it was cut */
  head: record({ seq: whole, hash: text }),
  documents: ((value, at) => {
    for (const [name, digest] of Object.entries(record({})(value, at))) text(digest, `${at}.${name}`);
    return value;
  }) as Check<Digests>,
});

/** What binds journal and documents to each other: `checkpoint.json`, written with each transaction. */
export type Checkpoint = Checked<typeof checkpoint>;

export const CHECKPOINT = 'checkpoint.json';

/**
 * @returns null if there is none: before the first transaction has ended
 * @throws PalyraError store.unsafe
 */
export function readCheckpoint(root: string): Checkpoint | null {
  const path = join(root, CHECKPOINT);
  const bytes = readPrivateFile(path, 64 * 1024);
  if (bytes === null) return null;
  try {
    const read = checkpoint(parseJson(decodeUtf8(bytes, path), STRICT), CHECKPOINT);
    if (read.version === 1) return read;
  } catch (error) {
    if (!(error instanceof PalyraError) || !error.code.startsWith('input.')) throw error;
    throw new PalyraError('store.unsafe', `${path} is damaged: ${error.message}`, {
      hint: 'palyra doctor',
      cause: error,
    });
  }
  throw new PalyraError('store.unsafe', `${path} is of a version that this palyra does not know`, {
    hint: 'use a newer palyra',
  });
}

export function printCheckpoint({ seq, hash }: Head, documents: Digests): string {
  return `${JSON.stringify({ version: 1, head: { seq, hash }, documents } satisfies Checkpoint, null, 2)}\n`;
}

/** The documents as a transaction leaves them. */
export function afterEntries(documents: Digests, entries: readonly Entry[]): Digests {
  const after: Record<string, string> = { ...documents };
  for (const { body } of entries) for (const change of body.changes ?? []) after[change.document] = change.after;
  return after;
}

/** The head that a state without a checkpoint has. */
export function headOf(checkpoint: Checkpoint | null): Head {
  return checkpoint?.head ?? GENESIS;
}
