import { spawn } from 'node:child_process';
import { closeSync, constants, existsSync, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalyraError, systemCode } from '../../errors.ts';
import { openPrivateFile } from './safe-file.ts';

/**
 * Hold the one lock of a state root while the work runs. The kernel owns it: it is free the moment that we close the
 * file or die, however we die. The lock file is never removed or renamed.
 * @param path the lock file, made if it is not there
 * @throws PalyraError store.busy, store.unsafe
 */
export async function withLock<T>(path: string, work: () => Promise<T>, waitSeconds = 30): Promise<T> {
  const fd =
    process.platform === 'darwin' ? await lockByOpening(path, waitSeconds) : await lockByFlock(path, waitSeconds);
  try {
    checkSameFile(fd, path);
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** flock(2) belongs to the open file, which the child shares: what flock(1) locks stays locked when it ends. */
async function lockByFlock(path: string, waitSeconds: number): Promise<number> {
  const flock = FLOCK.find((candidate) => existsSync(candidate));
  if (flock === undefined) {
    throw new PalyraError('store.unsafe', `no flock at ${FLOCK.join(' or ')}`, {
      why: 'without a lock of the kernel two commands could overwrite each other, so nothing is changed',
      hint: 'install util-linux',
    });
  }
  const fd = openLockFile(path);
  try {
    const code = await runFlock(flock, fd, waitSeconds);
    if (code === 0) return fd;
    if (code === BUSY) throw busy(path, waitSeconds);
    throw new PalyraError('store.unsafe', `${flock} could not lock ${path} (exit ${code})`, {
      why: 'the flock of util-linux is needed, on a file system that has locks',
    });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const FLOCK = ['/usr/bin/flock', '/bin/flock'];
/** exit code that flock(1) is told to use when the time is up, apart from its own */
const BUSY = 75;

function runFlock(flock: string, fd: number, waitSeconds: number): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const child = spawn(flock, ['-x', '-w', String(waitSeconds), '-E', String(BUSY), '3'], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', fd],
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}

/** macOS: open(2) itself takes the lock. */
async function lockByOpening(path: string, waitSeconds: number): Promise<number> {
  closeSync(openLockFile(path));
  for (let tries = waitSeconds * 50; tries > 0; tries--) {
    try {
      return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_EXLOCK);
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
    }
    await sleep(20);
  }
  throw busy(path, waitSeconds);
}

/** <fcntl.h> of macOS; Node has no name for it */
const O_EXLOCK = 0x20;

function openLockFile(path: string): number {
  const fd = openPrivateFile(path, constants.O_RDWR | constants.O_CREAT);
  if (fd === null) throw new PalyraError('store.unsafe', `${path} cannot be made`, { why: 'its folder is gone' });
  fchmodSync(fd, 0o600);
  return fd;
}

/** A lock on a file that is no longer at its path would exclude nobody. */
function checkSameFile(fd: number, path: string): void {
  const held = fstatSync(fd);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.dev === held.dev && there.ino === held.ino) return;
  throw new PalyraError('store.unsafe', `${path} was replaced while it was locked`, {
    hint: 'never remove the lock file',
  });
}

function busy(path: string, waitSeconds: number): PalyraError {
  return new PalyraError('store.busy', `the state is in use: no lock in ${waitSeconds} s`, {
    why: path,
    hint: 'try again; `palyra doctor` shows who holds it',
  });
}
