import { existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DocumentShape, parseDocument, parseOwnDocument } from '../../document.ts';
import { PalyraError } from '../../errors.ts';
import { readEntry } from '../../journal/entry.ts';
import { sha256 } from '../../sha256.ts';
import { DOCUMENT_BYTES, type Sealed } from '../../store/bounds.ts';
import type { Shapes } from '../../store/store.ts';
import type { Digests } from './checkpoint.ts';
import { readLines } from './journal-file.ts';
import { decodeUtf8, ensurePrivateFolder, readPrivateFile, stageFile, syncFolder } from './safe-file.ts';

/** A document as it was found. */
export interface Loaded<T> {
  readonly document: T;
  readonly digest: string;
}

/**
 * A document under the lock, judged by what the checkpoint says of it. Another program may have rewritten one that is
 * shared; nobody may have taken it away or put an older one in its place.
 * @returns null only if there never was one
 * @throws PalyraError store.unsafe
 */
export function loadDocument<T>(root: string, shape: DocumentShape<T>, digests: Digests): Loaded<T> | null {
  const path = join(root, shape.name);
  const due = digests[shape.name];
  const file = readDocumentFile(root, shape.name);
  if (file === null) {
    if (due === undefined) return null;
    throw new PalyraError('store.unsafe', `${path} is missing`, {
      why: 'the journal beside it knows of one, so this is a loss and not a first run',
      hint: 'put back the newest copy, or: palyra doctor',
    });
  }
  if (file.sha256 === due) return { document: parseOwnDocument(shape, file.bytes), digest: file.sha256 };
  const document = parseDocument(shape, decodeUtf8(file.bytes, path));
  if (!shape.shared) throw changed(path, 'nothing but palyra writes it, and this is not what it wrote');
  if (isInHistory(root, shape.name, file.sha256)) {
    throw changed(path, 'it is an older copy: what changed since, such as a revoked token, would be undone');
  }
  return { document, digest: file.sha256 };
}

/**
 * A state without a journal and without a checkpoint is one of a first run: it holds at most documents of other programs.
 * @throws PalyraError store.unsafe if there is one that only we write, which we never do without a journal
 */
export function refuseWithoutJournal<D>(root: string, shapes: Shapes<D>): void {
  for (const shape of Object.values<DocumentShape<unknown>>(shapes)) {
    const path = join(root, shape.name);
    if (shape.shared || !existsSync(path)) continue;
    throw new PalyraError('store.unsafe', `${path} is there, but no journal`, {
      why: 'nothing but palyra writes it, and never without one, so this is a loss and not a first run',
      hint: 'put back the newest copy, or: palyra doctor',
    });
  }
}

/** The bytes of a document and their SHA-256, or null if there is none. */
export function readDocumentFile(root: string, name: string): Sealed | null {
  const bytes = readPrivateFile(join(root, name), DOCUMENT_BYTES);
  return bytes === null ? null : { bytes, sha256: sha256(bytes) };
}

/** Keep bytes under their SHA-256, on stable storage. Without an entry that names them they mean nothing. */
export function keepPayload(root: string, payload: Sealed): void {
  const folder = join(root, 'payloads');
  ensurePrivateFolder(folder);
  renameSync(stageFile(root, payload.bytes), join(folder, payload.sha256));
  syncFolder(folder);
}

/** A file that is written and synced, and where it belongs. */
export interface Staged {
  readonly path: string;
  readonly target: string;
}

/** Rename in order, and make the names last. */
export function moveIntoPlace(staged: readonly Staged[]): void {
  for (const { path, target } of staged) renameSync(path, target);
  for (const folder of new Set(staged.map(({ target }) => dirname(target)))) syncFolder(folder);
}

function isInHistory(root: string, name: string, digest: string): boolean {
  for (const { text } of readLines(join(root, 'journal'))) {
    // most lines are not about it: parsing them would cost much more
    if (!text.includes(digest)) continue;
    const entry = readEntry(text);
    if (typeof entry === 'string') continue;
    const changes = entry.body.changes ?? [];
    if (changes.some(({ document, before, after }) => document === name && (before === digest || after === digest))) {
      return true;
    }
  }
  return false;
}

function changed(path: string, why: string): PalyraError {
  return new PalyraError('store.unsafe', `${path} does not agree with the journal`, {
    why,
    hint: 'put back the newest copy, or: palyra doctor',
  });
}
