import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../../errors.ts';
import type { Limits } from '../../sandbox/limits.ts';
import { isAlive, signalProcess } from './process-tree.ts';

/** Folders in which this process may create control groups that bound memory and processes. */
export type GroupPlace =
  | { readonly version: 'v1'; readonly memory: string; readonly pids: string }
  | { readonly version: 'v2'; readonly folder: string };

/** A control group around one command. */
export interface ControlGroup {
  /** when processes can be added without waiting for the kernel */
  readonly ready: Promise<void>;
  add(pid: number): void;
  peakBytes(): number | null;
  /** whether a process was killed because the group was full */
  ranOut(): boolean;
  /** Remove it; everything in it must have ended. */
  remove(): Promise<void>;
}

/** Where groups can be made, found by making one: v2 where it is delegated, v1 as root. Null: nowhere. */
export function findGroupPlace(): GroupPlace | null {
  const own = ownGroups();
  const unified = own.get('');
  if (unified !== undefined) {
    const here = join('/sys/fs/cgroup', unified);
    // a group with processes in it cannot have controlled children, but its parent may be ours too
    for (const folder of [here, dirname(here)]) {
      if (/\bmemory\b.*\bpids\b/.test(readText(join(folder, 'cgroup.subtree_control'))) && canCreate(folder)) {
        return { version: 'v2', folder };
      }
    }
  }
  const memory = join('/sys/fs/cgroup/memory', own.get('memory') ?? '');
  const pids = join('/sys/fs/cgroup/pids', own.get('pids') ?? '');
  return canCreate(memory) && canCreate(pids) ? { version: 'v1', memory, pids } : null;
}

/** Make a group with these limits, and sweep those that killed palyras left. */
export function createGroup(place: GroupPlace, limits: Limits): ControlGroup {
  const parents = place.version === 'v1' ? [place.memory, place.pids] : [place.folder];
  for (const parent of parents) sweep(parent);
  const name = `${PREFIX}${process.pid}-${created++}`;
  const folders = parents.map((parent) => join(parent, name));
  for (const folder of folders) mkdirSync(folder);
  const [memory = '', pids = memory] = folders;
  const bytes = `${limits.memoryLimitBytes}`;
  if (place.version === 'v1') {
    writeFileSync(join(memory, 'memory.limit_in_bytes'), bytes);
    writeOptional(join(memory, 'memory.memsw.limit_in_bytes'), bytes);
  } else {
    writeFileSync(join(memory, 'memory.max'), bytes);
    writeOptional(join(memory, 'memory.swap.max'), '0');
    writeOptional(join(memory, 'memory.oom.group'), '1');
  }
  // the first process inside and the shell that waits there are ours
  writeFileSync(join(pids, 'pids.max'), `${limits.maxProcesses + 2}`);
  const [peak, events] =
    place.version === 'v1' ? ['memory.max_usage_in_bytes', 'memory.oom_control'] : ['memory.peak', 'memory.events'];
  return {
    ready: warmUp(place),
    add: (pid) => {
      for (const folder of folders) addTo(folder, pid);
    },
    peakBytes: () => Number(readText(join(memory, peak))) || null,
    ranOut: () => /^oom_kill [1-9]/m.test(readText(join(memory, events))),
    remove: () => removeAll(folders),
  };
}

const PREFIX = 'palyra-';
let created = 0;

function addTo(folder: string, pid: number): void {
  try {
    writeFileSync(join(folder, 'cgroup.procs'), `${pid}`);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error; // it has ended
  }
}

/**
 * The first move between groups waits for every processor to pass by (12 ms), the next ones do not: move ourselves to
 * where we are, while the sandbox is being built.
 */
async function warmUp(place: GroupPlace): Promise<void> {
  const own = place.version === 'v1' ? place.memory : join('/sys/fs/cgroup', ownGroups().get('') ?? '');
  await writeFile(join(own, 'cgroup.procs'), `${process.pid}`).catch(() => undefined); // the moves themselves will tell
}

/** Our group in each hierarchy, by controller; '' is the unified one. Source: cgroups(7). */
function ownGroups(): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of readText('/proc/self/cgroup').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) groups.set(controller, path);
  }
  return groups;
}

function canCreate(folder: string): boolean {
  const trial = join(folder, `${PREFIX}${process.pid}-trial`);
  try {
    mkdirSync(trial);
    rmdirSync(trial);
    return true;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}

function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^palyra-(\d+)-/.exec(name)?.[1] ?? 0);
    if (pid === 0 || isAlive(pid)) continue;
    try {
      rmdirSync(join(parent, name));
    } catch (error) {
      // something is still in it, or somebody else swept
      if (systemCode(error) !== 'EBUSY' && systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    // the kernel takes processes out of a group a moment after they have ended
    for (let tries = 0; tries < 200; tries++) {
      try {
        rmdirSync(folder);
        break;
      } catch (error) {
        if (systemCode(error) !== 'EBUSY') throw error;
        // whatever it was that should have ended them
        for (const pid of readText(join(folder, 'cgroup.procs')).split('\n').filter(Boolean)) {
          signalProcess(Number(pid), 'SIGKILL');
        }
        await sleep(5);
      }
    }
  }
}

function writeOptional(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    // kernels without swap accounting have no such file
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EACCES') throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return '';
  }
}
