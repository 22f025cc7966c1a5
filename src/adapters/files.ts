import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  constants,
  createReadStream,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PalyraError, systemCode } from '../errors.ts';
import type { Files, TextLimits } from '../store/files.ts';
import { shellWord } from '../text.ts';
import { systemPaths } from './sandbox/paths.ts';

/** The files of this machine, as the port wants them. */
export const files: Files = {
  readText: (path, limits) => decodeText(readNamed(path, limits), path === '-' ? STDIN : path),
  readBytes: (path, limits) => readNamed(path, limits),
  readIfThere(path, limits) {
    const bytes = readPath(path, limits);
    return bytes === undefined ? undefined : decodeText(bytes, path);
  },
  readGuarded(path, limits) {
    const bytes = readPath(path, limits, (stats) => refuseStrangers(path, stats, limits));
    return bytes === undefined ? undefined : decodeText(bytes, path);
  },
  readOwned(path, uid, limits) {
    const bytes = readPath(path, limits, ({ uid: owner, mode }) => owner === uid && (mode & 0o022) === 0);
    return bytes === undefined ? undefined : decodeText(bytes, path);
  },
  listFiles(path, ending, what) {
    const found = listBelow(path, ending, what, 0);
    if (found === undefined) throw notFound(path, what);
    if (found.length === 0) throw nothingBelow(path, [ending].flat(), what);
    return found;
  },
  readLines: (path, limits) => readLines(path, limits),
  isBelow: (folder, path) =>
    `${systemPaths.realpathNearest(path)}/`.startsWith(`${systemPaths.realpathNearest(folder)}/`.replace(/\/+$/, '/')),
  isSame(a, b) {
    try {
      const [one, other] = [statSync(a), statSync(b)];
      return one.dev === other.dev && one.ino === other.ino;
    } catch {
      return false;
    }
  },
  writeNew(path, text) {
    try {
      makeFolder(dirname(path));
      writeFileSync(path, text, { flag: 'wx', mode: 0o600, flush: true });
    } catch (error) {
      if (systemCode(error) === 'EEXIST')
        throw new PalyraError('store.conflict', `${path} is there already, and stays as it is`);
      throw unwritable(path, error);
    }
  },
  replace(path, text) {
    try {
      replaceFile(path, Buffer.from(text));
    } catch (error) {
      throw unwritable(path, error);
    }
  },
};

const CHUNK = 64 * 1024;
const FILES_LIMIT = 10_000;

const STDIN = 'standard input';

function readNamed(path: string, limits: TextLimits): Buffer {
  if (path === '-') {
    takeStandardInput();
    return readDescriptor(0, STDIN, limits);
  }
  const bytes = readPath(path, limits);
  if (bytes === undefined) throw notFound(path, limits.what);
  return bytes;
}

let isStandardInputTaken = false;

/** A second reading would find nothing, and no policies forbid nothing. */
function takeStandardInput(): void {
  if (isStandardInputTaken) {
    throw new PalyraError('usage.invalid', 'standard input can be read once', { hint: 'put one of them into a file' });
  }
  isStandardInputTaken = true;
}

function readPath(path: string, limits: TextLimits, isMeant = (_: Stats): boolean => true): Buffer | undefined {
  let descriptor: number;
  try {
    // NONBLOCK: a FIFO without a writer must not hold us
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw unreadable(path, limits.what, error);
    // a link to nothing is not "no file": somebody meant one to be there
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined || systemCode(error) === 'ENOTDIR') return undefined;
    throw new PalyraError('input.invalid', `${limits.what} is a link to nothing: ${path}`, {
      hint: `ls -l ${shellWord(path)}`,
    });
  }
  try {
    const stats = fstatSync(descriptor);
    if (!isMeant(stats)) return undefined;
    refuseFifo(path, stats, limits);
    if (stats.isDirectory()) throw new PalyraError('input.invalid', `${limits.what} is a folder: ${path}`);
    return readDescriptor(descriptor, path, limits);
  } finally {
    closeSync(descriptor);
  }
}

/** Whoever may write the file decides: that is its owner, root, and the operator, who may be root reading another's. */
function refuseStrangers(path: string, { mode, uid }: Stats, { what }: TextLimits): true {
  const own = process.getuid?.() ?? uid;
  if ((mode & 0o002) !== 0) {
    throw new PalyraError('store.unsafe', `anybody may write the ${what} ${path}`, { hint: `chmod o-w ${path}` });
  }
  if (own !== 0 && uid !== 0 && uid !== own) {
    throw new PalyraError('store.unsafe', `the ${what} ${path} belongs to somebody else`, { hint: `ls -l ${path}` });
  }
  return true;
}

/** A FIFO whose writer has not come yet reads as empty, and an empty policy file forbids nothing. `<(…)` has its writer. */
function refuseFifo(path: string, stats: Stats, { what }: TextLimits): void {
  if (!stats.isFIFO() || /^\/(dev|proc\/self)\/fd\//.test(path)) return;
  throw new PalyraError('input.invalid', `${what} is a FIFO: ${path}`, { hint: 'give - and pipe it in, or <(…)' });
}

function readDescriptor(descriptor: number, name: string, { bytes, what }: TextLimits): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const read = readSome(descriptor, chunk, name, what);
    if (read === 0) break;
    total += read;
    if (total > bytes) {
      throw new PalyraError('input.too_large', `${what} is too large: ${name}`, { why: `the limit is ${bytes} bytes` });
    }
    chunks.push(chunk.subarray(0, read));
  }
  return Buffer.concat(chunks, total);
}

function readSome(descriptor: number, chunk: Buffer, name: string, what: string): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk, 0, chunk.length, null);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EOF') return 0;
      // a non-blocking standard input with nothing in it yet: wait a little, without spinning
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else throw unreadable(name, what, error);
    }
  }
}

/**
 * UTF-8 or an error with the first bad byte; a BOM is dropped.
 * @throws PalyraError input.invalid
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PalyraError('input.invalid', `${name} is not UTF-8`, {
      why: `the first bad byte is at offset ${badByte(bytes)}`,
    });
  }
}

function badByte(bytes: Uint8Array): number {
  let at = 0;
  // each bad byte is decoded as U+FFFD, which is itself three bytes: the first that is not there as it is encoded
  for (const character of new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)) {
    const encoded = Buffer.from(character);
    if (!encoded.equals(bytes.subarray(at, at + encoded.length))) return at;
    at += encoded.length;
  }
  return at;
}

/** Reads a stretch, gives its whole lines, keeps the rest: memory is a stretch and a line, however large the file. */
async function* readLines(path: string, limits: TextLimits): AsyncGenerator<(string | PalyraError)[]> {
  let rest: Buffer = Buffer.alloc(0);
  /** the beginning of an overlong line has been answered for; the rest of it is passed over, up to its line feed */
  let isSkipping = false;
  for await (const chunk of withoutMark(openChunks(path))) {
    const from = isSkipping ? chunk.indexOf(LF) + 1 : 0;
    if (isSkipping && from === 0) continue;
    isSkipping = false;
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > from) yield splitLines(Buffer.concat([rest, chunk.subarray(from, end)]), limits);
    rest = end > from ? Buffer.from(chunk.subarray(end)) : Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length <= limits.bytes) continue;
    yield [tooLong(limits)];
    isSkipping = true;
    rest = Buffer.alloc(0);
  }
  if (rest.length > 0) yield splitLines(rest, limits);
}

/** The bytes, without a byte order mark, whichever chunks they come in. */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (start === undefined) yield chunk;
    else {
      start = Buffer.concat([start, chunk]);
      if (start.length < MARK.length && MARK.subarray(0, start.length).equals(start)) continue;
      yield start.subarray(start.subarray(0, MARK.length).equals(MARK) ? MARK.length : 0);
      start = undefined;
    }
  }
  if (start !== undefined) yield start;
}

const MARK = Buffer.from('\ufeff');
const LF = 0x0a;
const STRETCH = 256 * 1024;

async function* openChunks(path: string): AsyncGenerator<Buffer> {
  if (path === '-') takeStandardInput();
  const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: STRETCH });
  try {
    yield* stream;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw notFound(path, 'file');
    throw unreadable(path, 'file', error);
  }
}

/** A stretch that ends with its last line. Checked for UTF-8 as a whole, and line by line only if that fails. */
function splitLines(bytes: Buffer, limits: TextLimits): (string | PalyraError)[] {
  const text = bytes.at(-1) === LF ? bytes.subarray(0, -1) : bytes;
  if (bytes.length === 0) return [];
  if (isUtf8(text))
    return text
      .toString('utf8')
      .split('\n')
      .map((line) => keepLine(line, limits));
  const lines: (string | PalyraError)[] = [];
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf(LF, start);
    const end = found === -1 ? text.length : found;
    const line = text.subarray(start, end);
    lines.push(
      isUtf8(line)
        ? keepLine(line.toString('utf8'), limits)
        : new PalyraError('input.invalid', 'the line is not UTF-8'),
    );
    start = end + 1;
  }
  return lines;
}

function keepLine(line: string, limits: TextLimits): string | PalyraError {
  if (line.length > limits.bytes) return tooLong(limits);
  return line.trim() === '' ? '' : line;
}

function tooLong({ bytes }: TextLimits): PalyraError {
  return new PalyraError('input.too_large', 'the line is too long', { why: `the limit is ${bytes} bytes` });
}

/** Step by step: mkdir's own `recursive` goes round for ever where a folder cannot be made (below /proc). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** A new file beside it takes its place once it is on stable storage. */
function replaceFile(path: string, bytes: Buffer): void {
  const old = statSync(path, { throwIfNoEntry: false });
  if (old !== undefined && !old.isFile()) {
    throw new PalyraError('store.write_failed', `${path} is no regular file`, { hint: 'give the path of a file' });
  }
  const target = old === undefined ? path : realpathSync(path);
  const folder = openSync(dirname(target), 'r');
  try {
    const staged = stageBeside(target, bytes, old);
    try {
      renameSync(staged, target);
    } catch (error) {
      unlinkSync(staged);
      throw error;
    }
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function stageBeside(target: string, bytes: Buffer, old: Stats | undefined): string {
  // whoever guesses the name gains nothing: a file of that name is never opened
  const staged = join(dirname(target), `.tmp.${process.pid}.${process.hrtime.bigint().toString(16)}`);
  const descriptor = openSync(staged, 'wx', 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    if (old !== undefined) keepOwnerAndMode(descriptor, old);
    fsyncSync(descriptor);
    return staged;
  } catch (error) {
    unlinkSync(staged);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function keepOwnerAndMode(descriptor: number, { uid, gid, mode }: Stats): void {
  const own = fstatSync(descriptor);
  if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
  // after the owner: a change of owner takes set-id bits away
  fchmodSync(descriptor, mode & 0o7777);
}

function listBelow(
  path: string,
  ending: string | readonly string[],
  what: string,
  depth: number,
): string[] | undefined {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw unreadable(path, what, error);
  }
  if (!isFolder) return [path];
  if (depth > 16) throw new PalyraError('input.invalid', `folders are nested too deep: ${path}`);
  const endings = [ending].flat();
  const found: string[] = [];
  for (const entry of readFolder(path, what)) {
    // a link to a folder is followed: what it holds may forbid
    const isMeant = (name: string): boolean => endings.some((one) => name.endsWith(one));
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && !isMeant(entry.name));
    if (isFolder) {
      const below = listBelow(`${path}/${entry.name}`, ending, what, depth + 1) ?? [];
      found.push(...below.filter(isMeant));
    } else if (isMeant(entry.name)) found.push(`${path}/${entry.name}`);
    if (found.length > FILES_LIMIT)
      throw new PalyraError('input.too_large', `more than ${FILES_LIMIT} files below ${path}`);
  }
  return found;
}

function readFolder(path: string, what: string) {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw unreadable(path, what, error);
  }
}

function nothingBelow(path: string, endings: readonly string[], what: string): PalyraError {
  const isLike = (name: string): boolean => endings.some((ending) => name.toLowerCase().endsWith(ending));
  const like = listBelow(path, '', what, 0)?.find(isLike);
  return new PalyraError('input.invalid', `no ${what} below ${path}`, {
    why: `a ${what} ends in ${endings.join(', ')}${like === undefined ? '' : `, in lower case; ${like} does not`}`,
    hint: like === undefined ? `ls -lR ${shellWord(path)}` : `mv ${shellWord(like)} ${shellWord(lowerEnding(like))}`,
  });
}

function lowerEnding(path: string): string {
  const dot = path.lastIndexOf('.');
  return path.slice(0, dot) + path.slice(dot).toLowerCase();
}

function notFound(path: string, what: string): PalyraError {
  return new PalyraError('store.not_found', `no such ${what}: ${path}`, { hint: `ls -l ${shellWord(dirname(path))}` });
}

function unreadable(path: string, what: string, cause: unknown): PalyraError {
  const code = systemCode(cause) ?? 'unknown';
  return new PalyraError('input.invalid', `${what} cannot be read: ${path}`, {
    why: `the system says ${code}`,
    ...(path === STDIN ? {} : { hint: `ls -ld ${shellWord(path)}` }),
    cause,
  });
}

function unwritable(path: string, cause: unknown): PalyraError {
  if (cause instanceof PalyraError) return cause;
  const why = `the system says ${systemCode(cause) ?? 'unknown'}`;
  return new PalyraError('store.write_failed', `${path} cannot be written`, {
    why,
    hint: `ls -ld ${shellWord(path)}`,
    cause,
  });
}
