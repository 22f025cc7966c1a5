import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalyraError } from '../../errors.ts';
import { type Entry, GENESIS, type Head, LINE_BYTES, readEntry } from '../../journal/entry.ts';
import type { JournalLine } from '../../store/store.ts';
import { checkPrivateFolder, openPrivateFile, readExactly, shortWrite, syncFolder } from './safe-file.ts';

/** The end of the journal: the last transaction that is there whole, and the bytes of a torn one after it. */
export interface Tail {
  readonly head: Head;
  /** the file that grows, and how much of it counts; null before the first entry */
  readonly segment: { readonly name: string; readonly end: number } | null;
  readonly tornBytes: number;
}

/** A segment that would grow beyond this many bytes is followed by a new one. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

const LF = 0x0a;
const CHUNK_BYTES = 256 * 1024;
const POLL_MS = 200;

/**
 * Look at the end of the journal. A crash leaves a last line that is no whole JSON, or a transaction without its last
 * entry: torn, never acknowledged. Anything else that is not an entry is damage.
 * @param folder may be absent: a journal without entries
 * @throws PalyraError store.unsafe
 */
export function readTail(folder: string): Tail {
  const segments = listSegments(folder);
  let segment: Tail['segment'] = null;
  let tornBytes = 0;
  for (const name of segments.reverse()) {
    const { entry, end, size } = lastWhole(join(folder, name));
    segment ??= { name, end };
    tornBytes += size - end;
    if (entry !== null) return { head: entry, segment, tornBytes };
    if (size > 0 && segment.name !== name) throw damaged(join(folder, name));
  }
  return { head: GENESIS, segment, tornBytes };
}

/** Cut off what a crash left. Under the lock only. */
export function cutTorn(folder: string, { segment, tornBytes }: Tail): void {
  if (segment === null || tornBytes === 0) return;
  const fd = openSegment(folder, segment.name, constants.O_WRONLY);
  try {
    ftruncateSync(fd, segment.end);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Append the entries of one transaction, in one write, to stable storage. On any error the journal is as before.
 * Under the lock only, after what was torn is cut.
 */
export function appendEntries(folder: string, { segment }: Tail, entries: readonly Entry[]): void {
  const bytes = Buffer.from(entries.map(({ line }) => `${line}\n`).join(''));
  const fits = segment !== null && (segment.end === 0 || segment.end + bytes.length <= SEGMENT_BYTES);
  const end = fits ? segment.end : 0;
  const fd = fits ? openSegment(folder, segment.name, constants.O_WRONLY) : makeSegment(folder, entries[0]?.seq ?? 1);
  try {
    const written = writeSync(fd, bytes, 0, bytes.length, end);
    if (written !== bytes.length) throw shortWrite(written, bytes.length);
    fdatasyncSync(fd);
  } catch (error) {
    ftruncateSync(fd, end);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Whether there is no segment at all. */
export function isEmpty(folder: string): boolean {
  return listSegments(folder).length === 0;
}

/** The segment that an entry is in, or would be. */
export function segmentHolding(folder: string, seq: number): string {
  return listSegments(folder).findLast((name) => Number.parseInt(name, 10) <= seq) ?? '';
}

/** How far somebody has read. Starts at the first line; each whole line moves it. */
export interface Cursor {
  segment: string;
  offset: number;
  line: number;
}

/** The lines from the cursor on. What comes last may be torn, and then does not move the cursor. */
export function* readLines(
  folder: string,
  cursor: Cursor = { segment: '', offset: 0, line: 0 },
): Generator<JournalLine> {
  for (const name of listSegments(folder)) {
    if (name < cursor.segment) continue;
    if (name > cursor.segment) Object.assign(cursor, { segment: name, offset: 0, line: 0 });
    const fd = openSegment(folder, name, constants.O_RDONLY);
    try {
      yield* readSegment(fd, cursor);
    } finally {
      closeSync(fd);
    }
  }
}

/** The same, and with a signal the lines that others append until it is aborted. */
export async function* followLines(folder: string, until?: AbortSignal): AsyncGenerator<JournalLine> {
  const cursor: Cursor = { segment: '', offset: 0, line: 0 };
  while (true) {
    for (const line of readLines(folder, cursor)) {
      // with a signal, a line that is half written will come again whole
      if (line.whole || until === undefined) yield line;
    }
    if (until === undefined || until.aborted) return;
    await sleep(POLL_MS, undefined, { signal: until }).catch(() => undefined);
  }
}

function* readSegment(fd: number, cursor: Cursor): Generator<JournalLine> {
  const place = (line: number) => `journal/${cursor.segment}:${line}`;
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let pending = Buffer.alloc(0);
  for (let at = cursor.offset; ; ) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) break;
    at += count;
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = pending.indexOf(LF); end >= 0; end = pending.indexOf(LF, start)) {
      const text = pending.toString('utf8', start, end);
      cursor.offset += end + 1 - start;
      start = end + 1;
      cursor.line++;
      yield { text, place: place(cursor.line), whole: true };
    }
    pending = pending.subarray(start);
    if (pending.length > LINE_BYTES) break;
  }
  if (pending.length === 0) return;
  // longer than any line that we write: no torn end, but no entry either
  const whole = pending.length > LINE_BYTES;
  yield { text: whole ? '' : pending.toString(), place: place(cursor.line + 1), whole };
}

/** The last entry of a segment that ends a transaction, the bytes up to its end, and the bytes of the file. */
function lastWhole(path: string): { readonly entry: Entry | null; readonly end: number; readonly size: number } {
  const fd = openPrivateFile(path, constants.O_RDONLY);
  if (fd === null) throw damaged(path);
  try {
    const { size } = fstatSync(fd);
    for (let reach = 16 * 1024; ; reach *= 8) {
      const from = Math.max(0, size - reach);
      const found = searchBack(readExactly(fd, path, size - from, from), from, path);
      if (found !== null) return { entry: found.entry, end: found.end, size };
      if (from === 0) return { entry: null, end: 0, size };
    }
  } finally {
    closeSync(fd);
  }
}

/** Search whole lines from the back, within bytes that start at `from` in the file. */
function searchBack(bytes: Buffer, from: number, path: string): { readonly entry: Entry; readonly end: number } | null {
  // the first line may have begun before these bytes
  const first = from === 0 ? 0 : bytes.indexOf(LF) + 1;
  const last = bytes.lastIndexOf(LF) + 1;
  for (let end = last; end > first; ) {
    const start = end < 2 ? 0 : bytes.lastIndexOf(LF, end - 2) + 1;
    const line = bytes.toString('utf8', start, end - 1);
    const entry = readEntry(line);
    if (typeof entry === 'object') {
      if (entry.body.more === undefined) return { entry, end: from + end };
    } else if (end < last || entry === 'edited' || isJson(line)) {
      throw damaged(path);
    }
    end = start;
  }
  return null;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function listSegments(folder: string): string[] {
  if (!checkPrivateFolder(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^[0-9]{12}\.ndjson$/.test(name))
    .sort();
}

function openSegment(folder: string, name: string, flags: number): number {
  const path = join(folder, name);
  const fd = openPrivateFile(path, flags);
  if (fd === null) throw damaged(path);
  return fd;
}

function makeSegment(folder: string, firstSeq: number): number {
  const path = join(folder, `${String(firstSeq).padStart(12, '0')}.ndjson`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  fchmodSync(fd, 0o600);
  syncFolder(folder);
  return fd;
}

function damaged(path: string): PalyraError {
  return new PalyraError('store.unsafe', `${path} is damaged`, {
    why: 'a line is not the entry that was written',
    hint: 'palyra journal verify',
  });
}
