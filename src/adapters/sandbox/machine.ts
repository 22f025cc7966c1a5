import { accessSync, constants, lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../../errors.ts';
import { INSIDE_PATH } from '../../sandbox/environment.ts';
import { type HardLimits, UNBOUNDED } from '../../sandbox/limits.ts';
import { type Machine, SYSTEM_PATHS, type SystemPath, type Workspace } from '../../sandbox/machine.ts';
import { findGroupPlace } from './control-group.ts';
import { protectedPathsOf } from './protected-files.ts';

/**
 * What this machine has, by looking: enough to plan a run. Whether it holds is tried by the run itself, and by
 * `sandbox-check.ts`.
 * @param landlockAbi as found by trying, where that matters
 */
export function lookAtMachine(landlockAbi = 0): Machine {
  const { platform, arch } = process;
  return {
    platform,
    architecture: arch === 'x64' || arch === 'arm64' ? arch : null,
    uid: process.geteuid?.() ?? -1,
    gid: process.getegid?.() ?? -1,
    programs: {
      bwrap: program('bwrap'),
      prlimit: program('prlimit'),
      perl: program('perl'),
      setpriv: program('setpriv'),
      node: process.execPath,
      sandboxExec: program('sandbox-exec'),
    },
    seccomp: platform === 'linux' && /^Seccomp:/m.test(readFileSync('/proc/self/status', 'latin1')),
    landlockAbi,
    cgroup: platform === 'linux' ? (findGroupPlace()?.version ?? null) : null,
    hardLimits: platform === 'linux' ? readHardLimits() : UNBOUNDED,
    systemPaths: SYSTEM_PATHS.map(systemPath).filter((entry) => entry !== undefined),
  };
}

/** Source: proc_pid_limits(5). */
function readHardLimits(): HardLimits {
  const text = readFileSync('/proc/self/limits', 'latin1');
  const hard = (name: string): number => {
    const value = new RegExp(`^${name} +\\S+ +(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? Number.POSITIVE_INFINITY : Number(value);
  };
  return {
    // what ignores the first signal is ended a second later: that has to fit, too
    cpuTimeLimitMs: (hard('Max cpu time') - 1) * 1000,
    memoryLimitBytes: hard('Max data size'),
    maxProcesses: hard('Max processes'),
    maxFileSizeBytes: hard('Max file size'),
    maxOpenFiles: hard('Max open files'),
  };
}

/** What the plan must know of a folder. */
export function lookAtWorkspace(path: string): Workspace {
  const absolute = resolve(path);
  const realpath = realFolder(absolute);
  if (realpath === null) return { path: absolute, realpath, uid: -1, gid: -1, protectedPaths: [] };
  const { uid, gid } = statSync(realpath);
  return { path: absolute, realpath, uid, gid, protectedPaths: protectedPathsOf(realpath) };
}

/** One path as the plan lists it, or undefined if it is not there. */
export function systemPath(path: string): SystemPath | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return { path, kind: 'link', target: readlinkSync(path) };
    return { path, kind: stat.isDirectory() ? 'folder' : 'file' };
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Helpers are taken from the system's own folders by absolute path, whatever PATH says, and only where nobody but root
 * and the caller can put another one.
 */
function program(name: string): string | null {
  for (const folder of INSIDE_PATH.split(':')) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      if (isOurs(realpathSync(path))) return path;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }
  return null;
}

/** Whether a file, and every folder that leads to it, can be changed by root and the caller alone. */
function isOurs(path: string): boolean {
  const { uid, gid, mode } = statSync(path);
  // in a user namespace what is root's outside belongs to nobody
  const isOwned = uid === 0 || uid === process.geteuid?.() || uid === OVERFLOW_UID;
  const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  return isOwned && !isShared && (path === '/' || isOurs(dirname(path)));
}

const OVERFLOW_UID = 65534;

function realFolder(path: string): string | null {
  try {
    const real = realpathSync(path);
    return statSync(real).isDirectory() ? real : null;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return null;
  }
}
