import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PalyraError, systemCode } from '../../errors.ts';

/**
 * The whole of a private file, or null if there is none.
 * @param limit bytes
 * @throws PalyraError store.unsafe with the command that repairs it
 */
export function readPrivateFile(path: string, limit: number): Buffer | null {
  const fd = openPrivateFile(path, constants.O_RDONLY);
  if (fd === null) return null;
  try {
    const { size } = fstatSync(fd);
    if (size > limit) throw unsafe(`${path} is larger than ${limit} bytes`, { hint: 'palyra doctor' });
    return readExactly(fd, path, size);
  } finally {
    closeSync(fd);
  }
}

/** A text from bytes that must be UTF-8. */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw unsafe(`${path} is not UTF-8`, { hint: 'palyra doctor', cause: error });
  }
}

/**
 * Open a file of the state, if it is there (or O_CREAT is among the flags): a regular file, ours, readable by nobody else. Never follows a symlink,
 * never waits for the other end of a FIFO.
 * @throws PalyraError store.unsafe with the command that repairs it
 */
export function openPrivateFile(path: string, flags: number): number | null {
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP' || code === 'EMLINK')
      throw unsafe(`${path} is a symbolic link`, { hint: `rm ${quote(path)}` });
    if (code === 'ENXIO' || code === 'EISDIR') throw unsafe(`${path} is not a regular file`, { hint: remove(path) });
    if (code === 'EACCES') throw unsafe(`${path} cannot be opened`, { hint: makeOpenable(path), cause: error });
    throw error;
  }
  try {
    checkFile(fstatSync(fd), path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** Read so many bytes from a place on; fewer are there only if somebody cut the file meanwhile. */
export function readExactly(fd: number, path: string, size: number, from = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let done = 0; done < size; ) {
    const count = readSync(fd, bytes, done, size - done, from + done);
    if (count === 0) throw unsafe(`${path} became shorter while it was read`, { hint: 'palyra doctor' });
    done += count;
  }
  return bytes;
}

/** The name of a file that is not yet what it will be; only the holder of the lock makes them. */
export const STAGED = /^\.tmp\.[0-9]+\.[0-9a-f]{16}$/;

/**
 * Write a new private file, whole and on stable storage, under a name of its own.
 * @returns its path; on any error nothing is left
 */
export function stageFile(folder: string, bytes: Uint8Array): string {
  const path = join(folder, `.tmp.${process.pid}.${randomBytes(8).toString('hex')}`);
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    fchmodSync(fd, 0o600);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
    const { size } = fstatSync(fd);
    if (size !== bytes.length) throw shortWrite(size, bytes.length);
    fsyncSync(fd);
  } catch (error) {
    discard(path);
    throw error;
  } finally {
    closeSync(fd);
  }
  return path;
}

/** The disk took less than it was given, and said nothing. */
export function shortWrite(written: number, due: number): PalyraError {
  return new PalyraError('store.write_failed', 'the state could not be written', {
    why: `the disk took ${written} of ${due} bytes; nothing was changed`,
  });
}

/** Remove a file that was staged, if that can be done: whatever is left, the next opener removes. */
export function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // a full or failing disk is already being reported
  }
}

/** Make a private folder (its parents as the system makes them), or check the one that is there. */
export function ensurePrivateFolder(path: string): 'made' | 'there' {
  if (checkPrivateFolder(path)) return 'there';
  const firstMade = mkdirSync(dirname(path), { recursive: true });
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // another process was first
    if (systemCode(error) === 'EEXIST') return ensurePrivateFolder(path);
    throw error;
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchmodSync(fd, 0o700);
  } finally {
    closeSync(fd);
  }
  const top = firstMade === undefined ? dirname(path) : dirname(firstMade);
  for (let parent = dirname(path); parent.length >= top.length; parent = dirname(parent)) {
    syncFolder(parent);
    if (parent === top) break;
  }
  return 'made';
}

/**
 * Whether a folder is there; if so, it is ours alone.
 * @throws PalyraError store.unsafe with the command that repairs it
 */
export function checkPrivateFolder(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (stats.isSymbolicLink()) throw unsafe(`${path} is a symbolic link`, { hint: `rm ${quote(path)}` });
  if (!stats.isDirectory()) throw unsafe(`${path} is not a folder`, { hint: remove(path) });
  checkOwner(stats, path);
  if ((stats.mode & 0o077) !== 0) throw tooOpen(stats, path, '700');
  return true;
}

export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function checkFile(stats: Stats, path: string): void {
  if (!stats.isFile()) throw unsafe(`${path} is not a regular file`, { hint: remove(path) });
  checkOwner(stats, path);
  if ((stats.mode & 0o077) !== 0) throw tooOpen(stats, path, '600');
}

function checkOwner(stats: Stats, path: string): void {
  const uid = process.getuid?.() ?? 0;
  if (stats.uid === uid) return;
  throw unsafe(`${path} belongs to uid ${stats.uid}, not to ${uid}`, { hint: `chown ${uid} ${quote(path)}` });
}

function tooOpen(stats: Stats, path: string, mode: string): PalyraError {
  const found = (stats.mode & 0o777).toString(8);
  return unsafe(`${path} is open to others (mode ${found})`, { hint: `chmod ${mode} ${quote(path)}` });
}

function unsafe(message: string, words: { readonly hint?: string; readonly cause?: unknown }): PalyraError {
  return new PalyraError('store.unsafe', message, words);
}

/** A file that is not there could not be made, and one that cannot be seen lies in a folder that is closed to us. */
function makeOpenable(path: string): string {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return `chmod 600 ${quote(path)}`;
  } catch {
    // the folder cannot be entered
  }
  return `chmod 700 ${quote(dirname(path))}`;
}

function remove(path: string): string {
  return `rm -r ${quote(path)}   if nothing in it is needed`;
}

function quote(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
