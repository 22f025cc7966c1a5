import { lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './process-tree.ts';

/**
 * Make a folder that lives no longer than this process; those that killed palyras left go.
 * @param kind one word
 * @returns its path, short: a socket below it may take at most 107 bytes
 */
export function makePassingFolder(kind: string, parent = temporaryFolder()): string {
  const prefix = `palyra-${kind}-`;
  for (const name of readdirSync(parent)) if (name.startsWith(prefix)) sweep(join(parent, name), prefix, name);
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
}

/** TMPDIR, but for one that is not there, or in which somebody else could put another folder in the place of ours. */
function temporaryFolder(): string {
  const stat = statSync(tmpdir(), { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return '/tmp';
  const isOurs = stat.uid === 0 || stat.uid === process.geteuid?.();
  const isShared = (stat.mode & 0o022) !== 0 && (stat.mode & 0o1000) === 0;
  return isOurs && !isShared ? tmpdir() : '/tmp';
}

/** Only a folder of ours, whose parts nobody else can have swapped, and whose process is no more. */
function sweep(path: string, prefix: string, name: string): void {
  if (isAlive(Number.parseInt(name.slice(prefix.length), 10))) return;
  // swept by someone else just now, perhaps
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() && found.uid === process.geteuid?.()) rmSync(path, { recursive: true, force: true });
}
