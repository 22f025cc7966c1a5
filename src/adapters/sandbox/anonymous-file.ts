import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../../errors.ts';

/**
 * A file without a name that holds the given content, for a child to read from its beginning. Nobody else can open it
 * and nothing is left behind, whoever dies. The caller closes it.
 */
export function anonymousFile(content: string | Uint8Array): number {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const fd = openUnnamed();
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

// O_TMPFILE is this bit and O_DIRECTORY, on every processor
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

function openUnnamed(): number {
  for (const folder of ['/dev/shm', tmpdir()]) {
    try {
      return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600);
    } catch (error) {
      if (!CANNOT.has(systemCode(error) ?? '')) throw error;
    }
  }
  const path = join(tmpdir(), `palyra-${randomUUID()}`);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  return fd;
}

// no such folder, not writable, or a file system that has no unnamed files
const CANNOT = new Set(['ENOENT', 'EACCES', 'EROFS', 'EOPNOTSUPP', 'EISDIR', 'EINVAL', 'ENOSPC', 'EDQUOT']);
