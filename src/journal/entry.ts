import { PalyraError } from '../errors.ts';
import { type Check, type Checked, list, optional, record, text, whole } from '../schema.ts';
import { sha256 } from '../sha256.ts';
import type { EntryKind } from './kind.ts';

/** A journal line holds at most this many bytes; what does not fit belongs in a payload. */
export const LINE_BYTES = 1024 * 1024;

const actor = record({
  principal: text,
  uid: whole,
  pid: whole,
  host: text,
  /** whom the principal acted for (`--as`) */
  as: optional(text),
});

const change = record({
  document: text,
  /** SHA-256 of the document as it was; left out if there was none */
  before: optional(text),
  /** SHA-256 of the document as it became */
  after: text,
});

const body = record({
  seq: whole,
  time_unix_ms: whole,
  actor,
  kind: text,
  payload: ((value, at) => record({})(value, at)) as Check<Readonly<Record<string, unknown>>>,
  /** the documents that the transaction changed: on its last entry */
  changes: optional(list(change)),
  /** how many entries of the same transaction follow; left out on the last */
  more: optional(whole),
});

/** Who did it: the process, and whom it acted for. */
export type Actor = Checked<typeof actor>;
/** What a transaction made of one document, by the documents' SHA-256. */
export type DocumentChange = Checked<typeof change>;
export type EntryBody = Checked<typeof body>;

/** What a flow has to say; the store adds the number, the changed documents and the chain. Never holds a secret or its hash. */
export interface EntryDraft {
  readonly timeUnixMs: number;
  readonly actor: Actor;
  /** noun and verb: `token.mint`, `approval.resolve` */
  readonly kind: EntryKind;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The last entry of a journal: its number and hash. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** An entry as it stands in the journal, with the exact text of its line (without the LF). */
export interface Entry extends Head {
  readonly prev: string;
  readonly body: EntryBody;
  readonly line: string;
}

/** Before the first entry. */
export const GENESIS: Head = { seq: 0, hash: '0'.repeat(64) };

/**
 * The entries of one transaction, in order, chained to the head. The last one names the changed documents, so that a
 * transaction counts only when it is there whole.
 * @throws PalyraError input.too_large
 */
export function writeEntries(
  drafts: readonly EntryDraft[],
  changes: readonly DocumentChange[],
  head: Head,
): readonly Entry[] {
  const entries: Entry[] = [];
  for (const [index, draft] of drafts.entries()) {
    const more = drafts.length - 1 - index;
    const before = entries.at(-1) ?? head;
    entries.push(
      writeEntry(before, {
        seq: before.seq + 1,
        time_unix_ms: draft.timeUnixMs,
        actor: draft.actor,
        kind: draft.kind,
        payload: draft.payload,
        ...(more > 0 ? { more } : changes.length > 0 ? { changes } : {}),
      }),
    );
  }
  return entries;
}

function writeEntry(before: Head, body: EntryBody): Entry {
  const bodyText = JSON.stringify(body);
  const hash = entryHash(before.hash, bodyText);
  const line = formLine(before.hash, hash, bodyText);
  if (Buffer.byteLength(line) > LINE_BYTES) {
    throw new PalyraError('input.too_large', `this is more than one journal entry can hold (${body.kind})`, {
      why: `a line holds at most ${LINE_BYTES} bytes`,
      hint: 'change less at a time',
    });
  }
  return { seq: body.seq, hash, prev: before.hash, body, line };
}

/** An entry from its line, and whether it is whole and its own hash holds; the chain is checked in chain.ts. */
export function readEntry(line: string): Entry | 'malformed' | 'edited' {
  const outer = parse(line);
  if (outer === undefined || !isLine(outer)) return 'malformed';
  // covers the bytes outside of the hash too: blanks, order, further fields
  if (formLine(outer.prev, outer.hash, outer.body) !== line) return 'malformed';
  if (entryHash(outer.prev, outer.body) !== outer.hash) return 'edited';
  const inner = parse(outer.body);
  try {
    const checked = body(inner, 'body');
    return { seq: checked.seq, hash: outer.hash, prev: outer.prev, body: checked, line };
  } catch {
    return 'malformed';
  }
}

/** The exact bytes are hashed: no canonical form, no joining of fields. */
function entryHash(prev: string, bodyText: string): string {
  return sha256(`${prev}\n${bodyText}`);
}

function formLine(prev: string, hash: string, bodyText: string): string {
  return JSON.stringify({ prev, hash, body: bodyText });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isLine(value: unknown): value is { prev: string; hash: string; body: string } {
  if (typeof value !== 'object' || value === null) return false;
  if (!('prev' in value && 'hash' in value && 'body' in value)) return false;
  return typeof value.prev === 'string' && typeof value.hash === 'string' && typeof value.body === 'string';
}
