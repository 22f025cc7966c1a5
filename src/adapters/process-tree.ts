import { readdirSync, readFileSync } from 'node:fs';
import { systemCode } from '../errors.ts';

/** What one process uses now. */
export interface ProcessUse {
  readonly pid: number;
  /** resident memory that is its own */
  readonly ownBytes: number;
}

/** Every process below one, parents first, as the kernel knows them now; the process itself is not among them. */
export function descendantsOf(root: number): number[] {
  const found = [root];
  for (let at = 0; at < found.length; at++) found.push(...childrenOf(found[at] ?? 0));
  return found.slice(1);
}

/** What a process uses, or undefined if it is gone. Source: proc_pid_statm(5), pages of 4 KiB on x64 and arm64 Debian. */
export function useOf(pid: number): ProcessUse | undefined {
  const [, resident, shared] = read(`/proc/${pid}/statm`)?.split(' ') ?? [];
  return resident === undefined ? undefined : { pid, ownBytes: (Number(resident) - Number(shared)) * PAGE };
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

/** Milliseconds of processor time of all children that were waited for, in steps of 10. Source: proc_pid_stat(5). */
export function childrenCpuMs(): number {
  const stat = read('/proc/self/stat') ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * 10;
}

const PAGE = 4096;

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
