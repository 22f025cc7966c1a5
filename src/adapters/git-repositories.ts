import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { systemCode } from '../errors.ts';
import type { RepositoryChange } from '../sandbox/execution.ts';
import {
  gitFolderOf,
  isHarmlessCommonFolder,
  isHarmlessGitConfig,
  type Repositories,
} from '../sandbox/protected-files.ts';
import { readHeld } from './git-paths.ts';
import type { HeldFolder } from './held-folder.ts';

/** The git repositories below a workspace, without its own, as far as they are not too deep or too many. */
export function findRepositories(folder: HeldFolder): Repositories {
  const found: Record<string, string> = {};
  const queue: { readonly path: string; readonly depth: number }[] = [{ path: '', depth: 0 }];
  for (let at = 0; at < Math.min(queue.length, MOST_FOLDERS); at++) {
    const { path, depth } = queue[at] ?? { path: '', depth: 0 };
    const entries = entriesOf(`${folder.self()}/${path}`);
    const names = entries.map(({ name }) => name);
    const within = path === '' ? '' : `${path}/`;
    if (path !== '' && names.includes('.git')) found[`${within}.git`] = printOf(folder, `${within}.git`);
    // git takes such a folder for a repository too
    if (BARE.every((name) => names.includes(name))) found[path === '' ? '.' : path] = printOf(folder, path);
    if (depth === DEEPEST) continue;
    for (const entry of entries) {
      if (entry.isDirectory() && !PASSED_OVER.has(entry.name))
        queue.push({ path: within + entry.name, depth: depth + 1 });
    }
  }
  return found;
}

/** Those that are new or differ, and that hold more than `git clone` writes. */
export function changedRepositories(folder: HeldFolder, before: Repositories): RepositoryChange[] {
  return Object.entries(findRepositories(folder)).flatMap(([path, print]): RepositoryChange[] => {
    if (before[path] === print || isHarmless(folder, path)) return [];
    return [{ path, change: before[path] === undefined ? 'created' : 'changed' }];
  });
}

// a tenth of a millisecond for each, cold; before the run it is spent while the sandbox is built
const MOST_FOLDERS = 100;
const DEEPEST = 5;
const PASSED_OVER = new Set(['.git', 'node_modules']);
const BARE = ['HEAD', 'objects', 'refs'];

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

/** Differs when something else stands there, or what git obeys in it was written. */
function printOf(folder: HeldFolder, path: string): string {
  return ['.', 'config', 'hooks', 'config.worktree', 'commondir']
    .map((name) => stamp(folder, join(path, name), name === '.'))
    .join(' ');
}

/** The folder itself changes whenever git works in it. */
function stamp(folder: HeldFolder, path: string, isFolder: boolean): string {
  try {
    const stat = lstatSync(folder.at(path), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return '-';
    return isFolder && stat.isDirectory() ? `${stat.ino}` : `${stat.ino}:${stat.ctimeNs}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return '?';
  }
}

function isHarmless(folder: HeldFolder, path: string): boolean {
  if (isOwnWorktree(folder, path)) return true;
  const config = readHeld(folder, join(path, 'config'));
  if (config === undefined || !isHarmlessGitConfig(config)) return false;
  if (
    stamp(folder, join(path, 'commondir'), false) !== '-' ||
    stamp(folder, join(path, 'config.worktree'), false) !== '-'
  )
    return false;
  return entriesOf(`${folder.self()}/${path}/hooks`).every(({ name }) => name.endsWith('.sample'));
}

/** What `git worktree add` makes: a file that leads to a folder of the workspace's own git, which is watched. */
function isOwnWorktree(folder: HeldFolder, path: string): boolean {
  const gitFolder = gitFolderOf(readHeld(folder, path) ?? '');
  if (gitFolder === undefined) return false;
  const inside = relative(folder.path, resolve(folder.path, dirname(path), gitFolder));
  const common = /^\.git\/worktrees\/[^/]+$/.test(inside) ? readHeld(folder, `${inside}/commondir`) : undefined;
  return common !== undefined && isHarmlessCommonFolder(common);
}
