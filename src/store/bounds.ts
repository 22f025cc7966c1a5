import { type DocumentShape, printDocument } from '../document.ts';
import { PalyraError } from '../errors.ts';
import { sha256 } from '../sha256.ts';

/** A payload holds at most this many bytes. */
export const PAYLOAD_BYTES = 1024 * 1024;

/** A document holds at most this many bytes. */
export const DOCUMENT_BYTES = 64 * 1024 * 1024;

/** Bytes to be kept, and the name that is made of them. */
export interface Sealed {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** @throws PalyraError input.too_large */
export function sealDocument<T>(shape: DocumentShape<T>, document: T): Sealed {
  const bytes = Buffer.from(printDocument(document));
  if (bytes.length <= DOCUMENT_BYTES) return { bytes, sha256: sha256(bytes) };
  throw new PalyraError('input.too_large', `${shape.name} would be larger than ${DOCUMENT_BYTES / 1024 ** 2} MiB`, {
    why: 'it is read and written whole; more than that needs the PostgreSQL store',
  });
}

/** @throws PalyraError input.too_large */
export function sealPayload(bytes: Uint8Array): Sealed {
  if (bytes.length <= PAYLOAD_BYTES) return { bytes: Buffer.from(bytes), sha256: sha256(bytes) };
  throw new PalyraError('input.too_large', `a payload of ${bytes.length} bytes`, { why: `at most ${PAYLOAD_BYTES}` });
}
