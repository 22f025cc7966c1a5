import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.ts';
import type { OpenRun, OpenRuns } from '../store/open-runs.ts';
import { isRunning } from './process-tree.ts';
import { checkPrivateFolder, ensurePrivateFolder, readPrivateFile } from './safe-file.ts';

/**
 * `runs/`: a file for each, by its id. It outlives the process and not the machine, so it is not synced: what a command
 * did in the last moments before the power went may be as lost as this.
 */
export function openRunsFolder(root: string): OpenRuns {
  const folder = join(root, 'runs');
  const pathOf = (id: string): string => join(folder, `${id}.json`);
  return {
    keep({ attestationId, before }) {
      ensurePrivateFolder(folder);
      const fd = openSync(pathOf(attestationId), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
      try {
        writeFileSync(fd, `${JSON.stringify({ watched_by: watcher(process.pid), before })}\n`);
      } finally {
        closeSync(fd);
      }
    },

    forget(attestationId) {
      try {
        rmSync(pathOf(attestationId));
        return true;
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
        return false;
      }
    },

    list() {
      const [running, lost]: [string[], OpenRun[]] = [[], []];
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return { running, lost };
      checkPrivateFolder(folder);
      for (const name of readdirSync(folder)) {
        const attestationId = name.replace(/\.json$/, '');
        const kept = read(pathOf(attestationId));
        // cut off while it was written: the command had not begun
        if (kept === undefined) continue;
        const [pid = ''] = kept.watched_by.split(' ');
        if (isRunning(Number(pid)) && watcher(Number(pid)) === kept.watched_by) running.push(attestationId);
        else lost.push({ attestationId, before: kept.before });
      }
      return { running, lost };
    },
  };
}

/** A process by its number and when it began: numbers are used again. */
function watcher(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return `${pid}`;
  }
}

function read(path: string): { readonly watched_by: string; readonly before: OpenRun['before'] } | undefined {
  const bytes = readPrivateFile(path, LARGE);
  try {
    return bytes === null ? undefined : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

const LARGE = 16 * 1_048_576;
