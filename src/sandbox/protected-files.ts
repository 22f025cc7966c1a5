import { posix } from 'node:path';
import type { SystemPath } from './machine.ts';

/** What stood where a protected file may be; `print` differs when it does. `unknown`: it could not be looked at. */
export interface Sighting {
  readonly kind: SystemPath['kind'] | 'unknown';
  /** device and inode */
  readonly place: string;
  readonly target?: string;
  readonly print: string;
}

/** The protected files of a workspace before a run. */
export interface FileSightings {
  readonly workspace: string;
  readonly place: string;
  /** where was looked, relative to the workspace; what is not in `found` was not there */
  readonly paths: readonly string[];
  readonly found: Readonly<Record<string, Sighting>>;
}

/** The git repositories below a workspace. */
export interface Repositories {
  /** by path; the print differs when what git obeys there was written */
  readonly prints: Readonly<Record<string, string>>;
  /** all folders were looked into, but for those that never are */
  readonly isComplete: boolean;
}

/** A workspace before a run: enough to tell afterwards what was made of it, also for another process. */
export interface Sightings extends FileSightings {
  readonly repositories: Repositories;
}

/**
 * What a run compares with afterwards when other runs had not ended when it looked: where one of them had seen something
 * else, or nothing, what stands there now may be its command's, and is not taken for the operator's.
 */
export function asOthersSaw(seen: Sightings, others: readonly Sightings[]): Sightings {
  const same = others.filter(({ place }) => place === seen.place);
  if (same.length === 0) return seen;
  const all = [seen, ...same];
  const paths = [...new Set(all.flatMap((one) => one.paths))];
  const found = paths.flatMap((path): [string, Sighting][] => {
    const differs = same.find((one) => one.found[path]?.print !== seen.found[path]?.print) ?? seen;
    const sighting = differs.found[path];
    return sighting === undefined ? [] : [[path, sighting]];
  });
  const prints = Object.entries(seen.repositories.prints).filter(([path, print]) =>
    same.every((one) => one.repositories.prints[path] === print),
  );
  const repositories = {
    prints: Object.fromEntries(prints),
    isComplete: all.every((one) => one.repositories.isComplete),
  };
  return { ...seen, paths, found: Object.fromEntries(found), repositories };
}

/**
 * Files of a workspace that make other programs run something later, outside: never written by a command, relative to
 * the workspace. Those in a git folder are listed by `protectedGitPaths`.
 */
export const PROTECTED_NAMES = [
  '.envrc',
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.profile',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.zlogin',
  '.zlogout',
  '.kshrc',
  '.inputrc',
  '.gitconfig',
  '.vscode',
  '.idea',
  '.claude',
  '.cursor',
  '.mcp.json',
  'palyra.toml',
] as const;

/** What git runs or obeys in its folder: `.git`, where a `.git` file points, or `.` where a workspace is one itself. */
export function protectedGitPaths(gitFolder: string): string[] {
  const names = ['hooks', 'config', 'config.worktree', 'modules', 'commondir', 'gitdir'];
  return names.map((name) => posix.join(gitFolder, name));
}

/** Whether git takes a folder that holds such names for a repository, whatever it is called. */
export function isBare(has: (name: string) => boolean): boolean {
  return has('HEAD') && (has('commondir') || (has('objects') && has('refs')));
}

/** What leads git elsewhere from a worktree that belongs to a git folder. */
export function worktreePaths(gitFolder: string, worktree: string): string[] {
  return ['commondir', 'config.worktree'].map((name) => posix.join(gitFolder, 'worktrees', worktree, name));
}

/** Whether a new `commondir` is the one that `git worktree add` writes. */
export function isHarmlessCommonFolder(text: string): boolean {
  return text === '../..\n';
}

/** Where a `.git` file says that the git folder is, or undefined. */
export function gitFolderOf(gitFile: string): string | undefined {
  return /^gitdir:[ \t]*([^\r\n]+)/.exec(gitFile)?.[1];
}

/** Whether git does not run a hook of this name. */
export function isSample(name: string): boolean {
  return name.endsWith('.sample');
}

/** Whether a new git configuration only holds what `git init` and `git clone` write themselves. */
export function isHarmlessGitConfig(text: string): boolean {
  return text.split('\n').every((line) => line.trim() === '' || HARMLESS_LINE.test(line));
}

const HARMLESS_LINE =
  /^\s*(\[(core|remote "[^"\\]*"|branch "[^"\\]*"|user)\]|(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks)\s*=\s*\w+|fetch\s*=\s*\+?refs\/[^\s:]*:refs\/\S*|url\s*=\s*https:\/\/\S+|(remote|merge)\s*=\s*[\w./-]+|(name|email)\s*=\s*[^\\"]*)\s*$/;
