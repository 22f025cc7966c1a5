import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PalyraError, systemCode } from '../errors.ts';
import { type Check, list, record, text, truth } from '../schema.ts';
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
      // whole or not at all: others may look for it at any moment
      const begun = `${pathOf(attestationId)}.new`;
      const kept = `${JSON.stringify({ watched_by: watcher(process.pid), before })}\n`;
      writeFileSync(begun, kept, { flag: 'wx', mode: 0o600 });
      renameSync(begun, pathOf(attestationId));
    },

    forget(attestationId) {
      try {
        rmSync(pathOf(attestationId));
        return true;
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
        rmSync(`${pathOf(attestationId)}.new`, { force: true });
        return false;
      }
    },

    list() {
      const [running, lost, unreadable]: [OpenRun[], OpenRun[], string[]] = [[], [], []];
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return { running, lost, unreadable };
      checkPrivateFolder(folder);
      for (const name of readdirSync(folder)) {
        // cut off while it was written: the command had not begun
        if (!name.endsWith('.json')) continue;
        const attestationId = name.replace(/\.json$/, '');
        const kept = read(pathOf(attestationId));
        if (kept === null) continue;
        if (kept === undefined) unreadable.push(attestationId);
        else (isWatched(kept) ? running : lost).push({ attestationId, before: kept.before });
      }
      return { running, lost, unreadable };
    },
  };
}

function isWatched({ watched_by: by }: Kept): boolean {
  const [pid = ''] = by.split(' ');
  return isRunning(Number(pid)) && watcher(Number(pid)) === by;
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

/** What is kept of a run: a file. */
interface Kept {
  readonly watched_by: string;
  readonly before: OpenRun['before'];
}

/** @returns null if it has gone meanwhile, undefined if it is none */
function read(path: string): Kept | null | undefined {
  const bytes = readPrivateFile(path, LARGE);
  try {
    return bytes === null ? null : kept(JSON.parse(bytes.toString('utf8')), 'it');
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof PalyraError) return undefined;
    throw error;
  }
}

const some = record({});
const kept = record({
  watched_by: text,
  before: record({
    ...{ workspace: text, place: text, paths: list(text), found: some },
    repositories: record({ prints: some, isComplete: truth }),
  }),
}) as Check<unknown> as Check<Kept>;

const LARGE = 16 * 1_048_576;
