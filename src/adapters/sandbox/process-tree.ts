import { readdirSync, readFileSync } from 'node:fs';
import { systemCode } from '../../errors.ts';

/** What one process uses now. */
export interface ProcessUse {
  /** resident memory that is its own, files and what it shares with others left out */
  readonly ownBytes: number;
  /** shared memory that it has mapped, with whomever else */
  readonly sharedBytes: number;
}

/** Every process below one, parents first, as the kernel knows them now; the process itself is not among them. */
export function descendantsOf(root: number): number[] {
  const found = [root];
  for (let at = 0; at < found.length; at++) found.push(...childrenOf(found[at] ?? 0));
  return found.slice(1);
}

/** What a process uses, or undefined if it is gone. Source: proc_pid_statm(5), proc_pid_status(5). */
export function useOf(pid: number): ProcessUse | undefined {
  const [, resident, shared] = read(`/proc/${pid}/statm`)?.split(' ').map(Number) ?? [];
  if (resident === undefined || shared === undefined) return undefined;
  page ??= pageSize();
  // files that are mapped count as shared too: only much of it is worth a closer look
  const status = shared * page > MUCH_SHARED ? (read(`/proc/${pid}/status`) ?? '') : '';
  return {
    ownBytes: (resident - shared) * page,
    sharedBytes: Number(/^RssShmem:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
  };
}

/**
 * A process's part of the shared memory that it has mapped: that of all of them together is what there is. Slow: the
 * kernel walks every page.
 */
export function partOfShared(pid: number): number {
  return Number(/^Pss_Shmem:\s*(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0) * 1024;
}

/**
 * Milliseconds of processor time, in steps of 10: of a process itself, and of the children that it has waited for with
 * all that they had waited for. Source: proc_pid_stat(5).
 */
export function cpuOf(pid: number | 'self'): { readonly ownMs: number; readonly waitedMs: number } {
  const stat = read(`/proc/${pid}/stat`) ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15).map(Number);
  return { ownMs: (user + system) * 10, waitedMs: (waitedUser + waitedSystem) * 10 };
}

/** Whether there is a process of that number, whosever it is; what is no number counts as one. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** Whether a process still runs: not gone, and more than an entry that waits for its parent. */
export function isRunning(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Signal a process that may be gone by now. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

let page: number | undefined;
const MUCH_SHARED = 4 * 1024 * 1024;

/** Bytes: on arm64 a kernel has pages of 4, 16 or 64 KiB. Source: getauxval(3), pairs of words; AT_PAGESZ is 6. */
function pageSize(): number {
  const words = Buffer.from(read('/proc/self/auxv') ?? '', 'latin1');
  for (let at = 0; at + 16 <= words.length; at += 16) {
    if (words.readBigUInt64LE(at) === 6n) return Number(words.readBigUInt64LE(at + 8));
  }
  return 4096;
}

function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const thread of list(`/proc/${pid}/task`)) {
    const text = read(`/proc/${pid}/task/${thread}/children`) ?? '';
    for (const child of text.split(' ')) if (child !== '') children.push(Number(child));
  }
  return children;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (GONE.has(systemCode(error) ?? '')) return [];
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (GONE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);
