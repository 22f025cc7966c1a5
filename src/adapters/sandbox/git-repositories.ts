import { type Dirent, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { systemCode } from '../../errors.ts';
import type { Aftermath, RepositoryChange } from '../../sandbox/execution.ts';
import {
  gitFolderOf,
  isBare,
  isHarmlessCommonFolder,
  isHarmlessGitConfig,
  isSample,
  type Repositories,
} from '../../sandbox/protected-files.ts';
import { insideOf, readHeld } from './git-paths.ts';
import { type HeldFolder, isAbsence } from './held-folder.ts';

/** The git repositories below a workspace, without its own, as far as its folders are not too many and can be read. */
export function findRepositories(folder: HeldFolder): Repositories {
  const prints: [string, string][] = [];
  const queue = [''];
  let isComplete = true;
  for (let at = 0; at < Math.min(queue.length, MOST_FOLDERS); at++) {
    const path = queue[at] ?? '';
    const entries = readEntries(`${folder.self()}/${path}`);
    if (entries === undefined) {
      isComplete = false;
      continue;
    }
    const names = entries.map(({ name }) => name);
    const within = path === '' ? '' : `${path}/`;
    if (path !== '' && names.includes('.git')) prints.push([`${within}.git`, printOf(folder, `${within}.git`)]);
    // git takes such a folder for a repository too
    if (isBare((name) => names.includes(name))) prints.push([path === '' ? '.' : path, printOf(folder, path)]);
    for (const entry of entries) {
      if (entry.isDirectory() && !PASSED_OVER.has(entry.name)) queue.push(within + entry.name);
    }
  }
  return { prints: Object.fromEntries(prints), isComplete: isComplete && queue.length <= MOST_FOLDERS };
}

/** Those that are new or differ, and that hold more than `git clone` writes. */
export function changedRepositories(
  folder: HeldFolder,
  { prints: before, isComplete: wasComplete }: Repositories,
): Pick<Aftermath, 'repositories' | 'isSearched' | 'isOutgrown'> {
  const { prints, isComplete } = findRepositories(folder);
  const repositories = Object.entries(prints).flatMap(([path, print]): RepositoryChange[] => {
    const was = Object.hasOwn(before, path) ? before[path] : undefined;
    if (was === print || isHarmlessRepository(folder, path)) return [];
    return [{ path, change: was === undefined ? 'created' : 'changed' }];
  });
  const outgrown = wasComplete && !isComplete ? { isOutgrown: true as const } : {};
  return { repositories, isSearched: wasComplete && isComplete, ...outgrown };
}

// 30 to 60 microseconds for each; before the run it is spent while the sandbox is built
const MOST_FOLDERS = 400;
const PASSED_OVER = new Set(['.git', 'node_modules', 'site-packages', '__pycache__']);

/** @returns undefined if it cannot be read, though it is there */
function readEntries(path: string): Dirent[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return isAbsence(error) ? [] : undefined;
  }
}

/** Differs when something else stands there, or what git obeys in it was written: in it, or where a `.git` file leads. */
function printOf(folder: HeldFolder, path: string): string {
  const linked = gitFolderOf(readHeld(folder, path) ?? '');
  const elsewhere = linked === undefined ? [] : insideOf(folder, linked, dirname(path)).slice(-1);
  return [path, ...elsewhere].flatMap((gitFolder) => stampsIn(folder, gitFolder)).join(' ');
}

function stampsIn(folder: HeldFolder, gitFolder: string): string[] {
  const whole = `${folder.self()}/${gitFolder}`;
  const hooks = (readEntries(`${whole}/hooks`) ?? []).filter(({ name }) => !isSample(name));
  const files = ['config', 'hooks', 'config.worktree', 'commondir', ...hooks.map(({ name }) => `hooks/${name}`)];
  // the folder itself changes whenever git works in it
  return [stamp(whole).split(':')[0] ?? '', ...files.map((name) => stamp(`${whole}/${name}`))];
}

/** Of what a link leads to: that is what git obeys. */
function stamp(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? ABSENT : `${stat.ino}:${stat.ctimeNs}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return '?';
  }
}

const ABSENT = '-';

/** Whether a repository holds no more than `git init`, `git clone` and `git worktree add` write. */
export function isHarmlessRepository(folder: HeldFolder, path: string): boolean {
  if (isOwnWorktree(folder, path)) return true;
  const config = readHeld(folder, join(path, 'config'));
  if (config === undefined || !isHarmlessGitConfig(config)) return false;
  const whole = `${folder.self()}/${path}`;
  if (['commondir', 'config.worktree'].some((name) => stamp(`${whole}/${name}`) !== ABSENT)) return false;
  return readEntries(`${whole}/hooks`)?.every(({ name }) => isSample(name)) === true;
}

/** What `git worktree add` makes: a file that leads to a folder of the workspace's own git, which is watched. */
function isOwnWorktree(folder: HeldFolder, path: string): boolean {
  const gitFolder = gitFolderOf(readHeld(folder, path) ?? '');
  if (gitFolder === undefined) return false;
  const inside = relative(folder.path, resolve(folder.path, dirname(path), gitFolder));
  const common = /^\.git\/worktrees\/[^/]+$/.test(inside) ? readHeld(folder, `${inside}/commondir`) : undefined;
  return common !== undefined && isHarmlessCommonFolder(common);
}
