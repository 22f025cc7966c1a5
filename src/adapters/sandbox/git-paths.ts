import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { systemCode } from '../../errors.ts';
import { gitConfigPaths } from '../../sandbox/git-config.ts';
import { gitFolderOf, isBare, protectedGitPaths, worktreePaths } from '../../sandbox/protected-files.ts';
import type { HeldFolder } from './held-folder.ts';

/** Paths in a workspace that git obeys, relative to it, whether they are there or not. */
export interface GitPaths {
  readonly covered: readonly string[];
  /** in folders that git itself must be able to write: only compared */
  readonly watched: readonly string[];
}

/**
 * What git runs or obeys in a workspace: in its git folder, and where configurations, the operator's own among them, say
 * that hooks and further configurations are.
 */
export function gitPathsOf(folder: HeldFolder): GitPaths {
  const found = gitFoldersOf(folder);
  // no repository, until a command makes one of the workspace itself
  if (found === undefined) return { covered: [], watched: ['HEAD'] };
  const { own, gitFolders } = found;
  return {
    covered: [...new Set([...own, ...gitFolders.flatMap(protectedGitPaths), ...configuredPaths(folder, gitFolders)])],
    watched: gitFolders.flatMap((gitFolder) => worktreesOf(folder, gitFolder)),
  };
}

/** The text of a file that is not large. A link is not followed, and a pipe blocks nobody. */
export function readHeld(folder: HeldFolder, path: string): string | undefined {
  return attempt(() => readText(folder.at(path), constants.O_NOFOLLOW));
}

/** `.git` as it is, where that itself is what must not change, and the git folders in the workspace that it leads to. */
function gitFoldersOf(folder: HeldFolder): { readonly own: string[]; readonly gitFolders: string[] } | undefined {
  const stat = attempt(() => lstatSync(folder.at('.git'), { throwIfNoEntry: false }));
  if (stat === undefined) return isBareAt(folder) ? { own: [], gitFolders: withCommon(folder, '.') } : undefined;
  if (!stat.isDirectory()) {
    const text = stat.isFile() ? readHeld(folder, '.git') : undefined;
    const gitFolder = insideOf(folder, gitFolderOf(text ?? '')).at(-1);
    return { own: ['.git'], gitFolders: gitFolder === undefined ? [] : withCommon(folder, gitFolder) };
  }
  return isClosed(folder, '.git')
    ? { own: ['.git'], gitFolders: [] }
    : { own: [], gitFolders: withCommon(folder, '.git') };
}

/** Whether the folder itself is what git takes for a repository. */
export function isBareAt(folder: HeldFolder): boolean {
  return isBare((name) => attempt(() => lstatSync(folder.at(name), { throwIfNoEntry: false })) !== undefined);
}

function withCommon(folder: HeldFolder, gitFolder: string): string[] {
  const common = readHeld(folder, join(gitFolder, 'commondir'));
  const found = common === undefined ? undefined : insideOf(folder, common.trim(), gitFolder).at(-1);
  return found === undefined ? [gitFolder] : [gitFolder, found];
}

/** Whether nothing below can be looked at. */
function isClosed(folder: HeldFolder, path: string): boolean {
  try {
    lstatSync(folder.at(`${path}/config`), { throwIfNoEntry: false });
    return false;
  } catch (error) {
    return systemCode(error) === 'EACCES';
  }
}

function configuredPaths(folder: HeldFolder, gitFolders: readonly string[]): string[] {
  const found: string[] = [];
  const add = (paths: readonly string[]): void => void found.push(...paths.filter((path) => !found.includes(path)));
  const files = gitFolders.flatMap((gitFolder) => [join(gitFolder, 'config'), join(gitFolder, 'config.worktree')]);
  const queue = [...files.map((path) => resolve(folder.path, path)), ...OWN_CONFIGURATIONS.map(fromHome)];
  for (let at = 0; at < Math.min(queue.length, MOST_FILES); at++) {
    const file = queue[at] ?? '';
    const [inside] = insideOf(folder, file);
    const text = inside === undefined ? attempt(() => readText(file, 0)) : readHeld(folder, inside);
    if (text === undefined) continue;
    const { hooks, includes } = gitConfigPaths(text);
    for (const path of hooks) {
      // husky's hooks are in the folder above the one that git is told of
      const whole = resolve(folder.path, fromHome(path));
      add(insideOf(folder, whole.endsWith('/_') ? dirname(whole) : whole));
    }
    for (const path of includes) {
      const whole = resolve(dirname(file), fromHome(path));
      add(insideOf(folder, whole));
      if (!queue.includes(whole)) queue.push(whole);
    }
  }
  return found;
}

const OWN_CONFIGURATIONS = ['/etc/gitconfig', '~/.config/git/config', '~/.gitconfig'];
const MOST_FILES = 64;

function fromHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
}

function worktreesOf(folder: HeldFolder, gitFolder: string): string[] {
  const names = attempt(() => readdirSync(folder.at(`${gitFolder}/worktrees/.`))) ?? [];
  return names.flatMap((name) => worktreePaths(gitFolder, name));
}

/** A path relative to the workspace, as it is said and as it really is, as far as it is in there. */
export function insideOf(folder: HeldFolder, path: string | undefined, base = ''): string[] {
  if (path === undefined || path === '') return [];
  const whole = resolve(folder.path, base, path);
  const ways = [whole, attempt(() => realpathSync(whole)) ?? whole].map((way) => relative(folder.path, way));
  return [...new Set(ways)].filter((way) => way !== '' && way !== '..' && !way.startsWith('../'));
}

function readText(path: string, flags: number): string | undefined {
  // most are not there, and an error costs more than a look
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= LARGE ? readFileSync(fd, 'utf8') : undefined;
  } finally {
    closeSync(fd);
  }
}

const LARGE = 1_048_576;

/** Whatever the system says against it, it is as if it were not there. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
