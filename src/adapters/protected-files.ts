import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readlinkSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import type { ProtectedChange } from '../sandbox/execution.ts';
import type { SystemPath } from '../sandbox/machine.ts';
import {
  type FileSightings,
  isHarmlessCommonFolder,
  isHarmlessGitConfig,
  isSample,
  PROTECTED_NAMES,
  type Sighting,
} from '../sandbox/protected-files.ts';
import { gitPathsOf, isBareAt, readHeld } from './git-paths.ts';
import { isHarmlessRepository } from './git-repositories.ts';
import { HeldFolder, isAbsence } from './held-folder.ts';

/** A workspace before a run, held open until it was looked at again; whoever asked for it closes it. */
export interface Look {
  readonly folder: HeldFolder;
  readonly sightings: FileSightings;
}

/** The protected paths of a workspace that exist and can be covered, relative to it. */
export function protectedPathsOf(workspace: string): SystemPath[] {
  const folder = new HeldFolder(workspace);
  try {
    return [...PROTECTED_NAMES, ...gitPathsOf(folder).covered].flatMap((path): SystemPath[] => {
      const { kind, target } = look(folder, path, false) ?? { kind: 'unknown' as const, target: undefined };
      if (kind === 'unknown') return [];
      return [target === undefined ? { path, kind } : { path, kind, target }];
    });
  } finally {
    folder.close();
  }
}

/**
 * Everything protected in a workspace, as it is now.
 * @throws Error if the workspace is not the folder of that path any more
 */
export function lookAtProtected(workspace: string): Look {
  const folder = new HeldFolder(workspace);
  const paths = pathsOf(folder);
  const found: Record<string, Sighting> = {};
  for (const path of paths) {
    const sighting = look(folder, path);
    if (sighting !== undefined) found[path] = sighting;
  }
  folder.release();
  return { folder, sightings: { workspace, place: placeOf(statSync(folder.self(), BIG)), paths, found } };
}

/**
 * Compare with what was seen before, put aside what is new or changed under a name that nothing obeys, and put links back.
 * Each path by itself: what cannot be looked at or put aside is said, and holds up nothing.
 * @param mark tells the names of different runs apart
 */
export function lookAgain({ folder, sightings: { paths, found } }: Look, mark: string): ProtectedChange[] {
  // one that could not be looked into before is as the operator wants it
  if (found['.git']?.kind !== 'folder') unlock(folder, '.git/config');
  const changes: ProtectedChange[] = [];
  const compare = (path: string): void => {
    const was = found[path];
    const is = lookOrUnlock(folder, path, was);
    if (was?.print === is?.print) return;
    if (path === 'HEAD' && !isHarmfulBareAt(folder)) return;
    if (was === undefined && is !== undefined && isHarmless(folder, path, is)) return;
    const change = was === undefined ? 'created' : is === undefined ? 'removed' : 'changed';
    changes.push({ path, change, ...putAside(folder, path, is, mark) });
    folder.release();
    if (was?.target !== undefined) putBack(folder, path, was.target);
  };
  // first: without it git takes the workspace for no repository, and obeys nothing else there
  if (paths.includes('HEAD')) compare('HEAD');
  for (const path of new Set([...paths, ...pathsOf(folder)])) compare(path);
  return changes;
}

function isHarmfulBareAt(folder: HeldFolder): boolean {
  return isBareAt(folder) && !isHarmlessRepository(folder, '.');
}

function pathsOf(folder: HeldFolder): string[] {
  const { covered, watched } = gitPathsOf(folder);
  return [...new Set([...PROTECTED_NAMES, ...covered, ...watched])];
}

function lookOrUnlock(folder: HeldFolder, path: string, was: Sighting | undefined): Sighting | undefined {
  const is = look(folder, path, was !== undefined);
  if (is?.kind !== 'unknown' || is.print === was?.print) return is;
  unlock(folder, path);
  return look(folder, path, was !== undefined);
}

/** What keeps us out of our own folders is taken away, as far as it can be; what is left of it is met again. */
function unlock(folder: HeldFolder, path: string): void {
  try {
    folder.unlock(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

/** @param whole what is in it as well; without, enough to tell that it is there */
function look(folder: HeldFolder, path: string, whole = true): Sighting | undefined {
  try {
    const at = folder.at(path);
    const stat = lstatSync(at, NO_THROW);
    if (stat === undefined) return undefined;
    const place = placeOf(stat);
    if (stat.isSymbolicLink()) {
      const target = readlinkSync(at);
      return { kind: 'link', place, target, print: `link ${target}` };
    }
    const kind = stat.isDirectory() ? 'folder' : 'file';
    if (!whole) return { kind, place, print: '' };
    const content = kind === 'folder' ? entriesOf(folder.at(`${path}/.`)) : readHeld(folder, path);
    // not the device, whose number may change when the machine starts; the times tell what was moved away and back
    const print = sha256(`${kind} ${stat.ino} ${stat.mode} ${stat.size} ${timesOf(stat)} ${content ?? ''}`);
    return { kind, place, print };
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return isAbsence(error) ? undefined : { kind: 'unknown', place: '', print: `unknown ${code}` };
  }
}

/** Names, sizes and times in a folder, and in the folders it holds; where it cannot be read, what the system says. */
function entriesOf(path: string, depth = 0): string {
  try {
    if (depth > DEEPEST) return 'deeper';
    return readdirSync(path)
      .sort()
      .map((name) => {
        const stat = lstatSync(`${path}/${name}`, BIG);
        const below = stat.isDirectory() ? `\n${entriesOf(`${path}/${name}`, depth + 1)}` : '';
        return `${name} ${stat.mode} ${stat.ino} ${stat.size} ${timesOf(stat)}${below}`;
      })
      .join('\n');
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return code;
  }
}

const DEEPEST = 16;
const BIG = { bigint: true } as const;
const NO_THROW = { bigint: true, throwIfNoEntry: false } as const;

function placeOf({ dev, ino }: BigIntStats): string {
  return `${dev} ${ino}`;
}

/** Nobody can set the second. */
function timesOf({ mtimeNs, ctimeNs }: BigIntStats): string {
  return `${mtimeNs} ${ctimeNs}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What git itself makes: hooks that are only samples, and a configuration that runs nothing. */
function isHarmless(folder: HeldFolder, path: string, { kind }: Sighting): boolean {
  if (/(^|\/)hooks$/.test(path) && kind === 'folder') return namesIn(folder, path)?.every(isSample) === true;
  const text = kind === 'file' ? readHeld(folder, path) : undefined;
  if (text === undefined) return false;
  if (/\/worktrees\/[^/]+\/commondir$/.test(path)) return isHarmlessCommonFolder(text);
  return /(^|\/)config$/.test(path) && isHarmlessGitConfig(text);
}

function namesIn(folder: HeldFolder, path: string): string[] | undefined {
  try {
    return readdirSync(folder.at(`${path}/.`));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function putAside(
  folder: HeldFolder,
  path: string,
  is: Sighting | undefined,
  mark: string,
): Pick<ProtectedChange, 'movedTo' | 'problem'> {
  if (is === undefined) return { movedTo: null };
  if (is.kind === 'unknown') return { movedTo: null, problem: `it cannot be looked at (${is.print.slice(8)})` };
  try {
    const movedTo = freeName(folder, `${path}.quarantined-${mark}`);
    rename(folder, path, movedTo);
    return { movedTo };
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return { movedTo: null, problem: `it cannot be put aside (${code})` };
  }
}

/** What an earlier run left under the same name stays. */
function freeName(folder: HeldFolder, name: string): string {
  for (let number = 1; number < 1000; number++) {
    const free = number === 1 ? name : `${name}.${number}`;
    if (lstatSync(folder.at(free), NO_THROW) === undefined) return free;
  }
  return name;
}

function rename(folder: HeldFolder, path: string, aside: string): void {
  try {
    renameSync(folder.at(path), folder.at(aside));
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error;
    folder.unlock(path);
    renameSync(folder.at(path), folder.at(aside));
  }
}

/** Where something is in the way, that has been said. */
function putBack(folder: HeldFolder, path: string, target: string): void {
  try {
    symlinkSync(target, folder.at(path));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}
