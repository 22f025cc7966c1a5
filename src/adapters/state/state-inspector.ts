import { closeSync, constants, existsSync, fchmodSync, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentShape, parseDocument } from '../../document.ts';
import { PalyraError } from '../../errors.ts';
import { type Finding, findingOf } from '../../finding.ts';
import { DOCUMENT_BYTES } from '../../store/bounds.ts';
import type { Inspected, StateInspector } from '../../store/inspection.ts';
import type { Shapes } from '../../store/store.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readTail } from './journal-file.ts';
import { withLock } from './lock.ts';
import { entriesBeyond, findStaged } from './recovery.ts';
import { checkPrivateFolder, decodeUtf8, openPrivateFile, readPrivateFile, STAGED } from './safe-file.ts';
import { loadDocument } from './state-files.ts';

/** Inspects the state that lowdbStore keeps below a folder. Opens nothing for writing but the lock that is there. */
export function openStateInspector<D extends object>(root: string, shapes: Shapes<D>): StateInspector<D> {
  return {
    isThere: () => lstatSync(root, { throwIfNoEntry: false }) !== undefined,

    async inspectFiles() {
      const unsafe = pathsBelow(root).flatMap(inspectPath);
      if (unsafe.length > 0) return unsafe;
      const holders = await lockHolders(join(root, 'lock'));
      // whoever holds the lock may be writing them this moment
      return holders === null ? namesIn(root).flatMap((name) => inspectLeftover(root, name)) : [lockHeld(holders)];
    },

    async inspectDocuments() {
      const lock = join(root, 'lock');
      if (!existsSync(lock)) return inspectDocuments(root, shapes);
      try {
        // a writer between two of the files would look like damage
        return await withLock(lock, async () => inspectDocuments(root, shapes), PATIENCE_SECONDS);
      } catch (error) {
        if (error instanceof PalyraError && error.code === 'store.busy') return { findings: [], documents: {} };
        throw error;
      }
    },

    tighten() {
      for (const path of pathsBelow(root)) if (isOpenToOthers(path)) tightenPath(path);
    },
  };
}

/** Whoever holds the lock for longer is reported; what they are changing is looked at another time. */
const PATIENCE_SECONDS = 5;

function inspectDocuments<D extends object>(root: string, shapes: Shapes<D>): Inspected<D> {
  const settled = attempt(root, () => {
    const checkpoint = readCheckpoint(root);
    const tail = readTail(join(root, 'journal'));
    return { checkpoint, tail, beyond: entriesBeyond(join(root, 'journal'), checkpoint, tail.head) };
  });
  if ('code' in settled) return { findings: [settled], documents: {} };
  const { checkpoint, tail, beyond } = settled;
  const findings = tail.tornBytes > 0 ? [tornEnd(tail.tornBytes)] : [];
  if (beyond.length > 0) {
    const ready = attempt(root, () => findStaged(root, tail.head, beyond));
    return { findings: [...findings, 'code' in ready ? ready : unfinished(tail.head.seq)], documents: {} };
  }
  const documents: Partial<D> = {};
  for (const name of Object.keys(shapes) as (keyof D)[]) {
    const digests = checkpoint?.documents ?? {};
    const loaded = attempt(root, () => loadChecked(root, shapes[name], digests));
    if ('code' in loaded) {
      findings.push(loaded);
      continue;
    }
    documents[name] = loaded.document;
    const path = join(root, shapes[name].name);
    if (loaded.digest !== digests[shapes[name].name]) findings.push(rewritten(path, checkpoint?.head.seq ?? 0));
  }
  return { findings, documents };
}

/** The root and everything below, a folder before what is in it; links are not followed. */
function pathsBelow(path: string): string[] {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isDirectory() ? [path, ...namesIn(path).flatMap((name) => pathsBelow(join(path, name)))] : [path];
}

/** Of a folder that cannot be read, nothing: whose it is, is a finding of its own. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function inspectPath(path: string): Finding[] {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) checkPrivateFolder(path);
    else closeIfOpen(openPrivateFile(path, constants.O_RDONLY));
    return [];
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    const words = { why: 'palyra refuses state that others could read or put in its place', remedy: `ls -la ${path}` };
    const isFixable = isOpenToOthers(path);
    return [{ ...findingOf(error, isFixable ? 'file.open_to_others' : 'file.unsafe', words), isFixable }];
  }
}

function closeIfOpen(fd: number | null): void {
  if (fd !== null) closeSync(fd);
}

/** A file or folder of ours that only has the wrong mode. */
function isOpenToOthers(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.uid !== process.getuid?.()) return false;
  return (stats.isFile() || stats.isDirectory()) && (stats.mode & 0o077) !== 0;
}

function tightenPath(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    fchmodSync(fd, lstatSync(path).isDirectory() ? 0o700 : 0o600);
  } finally {
    closeSync(fd);
  }
}

/** The processes that have the lock open, those that wait included; null if nobody holds it. */
async function lockHolders(path: string): Promise<number[] | null> {
  if (!existsSync(path)) return null;
  try {
    await withLock(path, async () => undefined, 0);
    return null;
  } catch (error) {
    if (error instanceof PalyraError && error.code === 'store.busy') return processesWith(path);
    throw error;
  }
}

/** Linux only; of processes that are not ours nothing can be seen. */
function processesWith(path: string): number[] {
  if (!existsSync('/proc/self/fd')) return [];
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && hasOpen(name, path))
    .map(Number);
}

function hasOpen(pid: string, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    // it ended, or belongs to somebody else
    return false;
  }
}

function lockHeld(pids: readonly number[]): Finding {
  return {
    code: 'lock.held',
    isWrong: false,
    what: `the state is locked${pids.length === 0 ? '' : ` by pid ${pids.join(', ')}`}`,
    why: 'a command is changing it, or hangs; the kernel drops the lock when that process ends',
    remedy: pids.length === 0 ? 'look again' : `look again, or: ps -fp ${pids.join(',')}`,
    isFixable: false,
  };
}

function inspectLeftover(root: string, name: string): Finding[] {
  if (!STAGED.test(name)) return [];
  return [
    {
      code: 'file.leftover',
      isWrong: false,
      what: `${join(root, name)} was left by a crash`,
      why: 'it was never finished, and nobody was told that it was; or the next change needs it to finish what was',
      remedy: 'palyra doctor --fix',
      isFixable: true,
    },
  ];
}

function tornEnd(bytes: number): Finding {
  return {
    code: 'journal.torn',
    isWrong: false,
    what: `the journal ends with ${bytes} bytes of an entry that a crash left unfinished`,
    why: 'nobody was told that it happened; the next change cuts it off',
    remedy: 'palyra doctor --fix',
    isFixable: true,
  };
}

function unfinished(seq: number): Finding {
  return {
    code: 'journal.unfinished',
    isWrong: false,
    what: `a crash came between entry ${seq} of the journal and its files`,
    why: 'the next command that needs them finishes it',
    remedy: 'palyra doctor --fix',
    isFixable: true,
  };
}

/** Also one that is known to be what we wrote, as if it came from outside. */
function loadChecked<T>(root: string, shape: DocumentShape<T>, digests: Readonly<Record<string, string>>) {
  const path = join(root, shape.name);
  const bytes = readPrivateFile(path, DOCUMENT_BYTES);
  if (bytes !== null) parseDocument(shape, decodeUtf8(bytes, path));
  const loaded = loadDocument(root, shape, digests);
  return { document: loaded?.document ?? shape.empty(), digest: loaded?.digest };
}

/** Allowed, for the file is shared; but nobody's name stands beside the change. */
function rewritten(path: string, seq: number): Finding {
  return {
    code: 'state.rewritten',
    isWrong: false,
    what: `${path} was rewritten by something else than palyra after entry ${seq} of the journal`,
    why: 'another program may do so; the journal does not say what it changed, nor who',
    remedy: 'palyra tokens list, palyra flags list, palyra members list   show what holds now',
    isFixable: false,
  };
}

function attempt<T>(root: string, work: () => T): T | Finding {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    return findingOf(error, 'state.damaged', {
      why: 'it is not what palyra wrote last',
      remedy: `put back the newest copy; without one, begin anew: mv ${root} ${root}.damaged`,
    });
  }
}
