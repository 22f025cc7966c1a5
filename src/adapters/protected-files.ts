import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { systemCode } from '../errors.ts';
import type { ProtectedChange } from '../sandbox/execution.ts';
import type { SystemPath } from '../sandbox/machine.ts';
import { gitFolderOf, isHarmlessGitConfig, PROTECTED_NAMES, protectedGitPaths } from '../sandbox/protected-files.ts';

/** What stood where a protected file may be; `print` differs when it does. */
export interface Sighting {
  readonly kind: SystemPath['kind'];
  readonly target?: string;
  /** of a file that is not large */
  readonly text?: string;
  readonly print: string;
}

const LARGE = 1_048_576;

/** The protected paths of a workspace that exist, relative to it. */
export function protectedPathsOf(workspace: string): SystemPath[] {
  return [...lookAtProtected(workspace)].map(([path, { kind, target }]) =>
    target === undefined ? { path, kind } : { path, kind, target },
  );
}

/** Everything protected in a workspace, as it is now. */
export function lookAtProtected(workspace: string): Map<string, Sighting> {
  const found = new Map<string, Sighting>();
  for (const path of [...PROTECTED_NAMES, ...gitPaths(workspace)]) {
    const sighting = look(join(workspace, path));
    if (sighting !== undefined) found.set(path, sighting);
  }
  return found;
}

/**
 * Compare with what was seen before, put aside what is new or changed under a name that nothing obeys, and put links back.
 * @param mark tells the names of different runs apart
 */
export function lookAgain(workspace: string, before: ReadonlyMap<string, Sighting>, mark: string): ProtectedChange[] {
  const after = lookAtProtected(workspace);
  const changes: ProtectedChange[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(path), after.get(path)];
    if (was?.print === is?.print) continue;
    const whole = join(workspace, path);
    if (was === undefined && is !== undefined && isHarmless(path, whole, is)) continue;
    const movedTo = is === undefined ? null : `${path}.quarantined-${mark}`;
    if (movedTo !== null) moveAside(whole, join(workspace, movedTo));
    if (was?.target !== undefined) symlinkSync(was.target, whole);
    changes.push({ path, change: was === undefined ? 'created' : is === undefined ? 'removed' : 'changed', movedTo });
  }
  return changes;
}

function gitPaths(workspace: string): string[] {
  const dotGit = join(workspace, '.git');
  const sighting = look(dotGit);
  if (sighting === undefined) return [];
  if (sighting.kind === 'folder') return protectedGitPaths('.git');
  if (sighting.kind === 'link') return ['.git'];
  const folder = sighting.text === undefined ? undefined : gitFolderOf(sighting.text);
  const inside = folder === undefined ? undefined : realFolderInside(workspace, folder);
  return inside === undefined ? ['.git'] : ['.git', ...protectedGitPaths(inside)];
}

/** Relative to the workspace, and without links on the way: whoever wrote the file must not lead us elsewhere. */
function realFolderInside(workspace: string, folder: string): string | undefined {
  try {
    const inside = relative(workspace, realpathSync(resolve(workspace, folder)));
    return inside === '' || inside.startsWith('..') ? undefined : inside;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

function look(path: string): Sighting | undefined {
  try {
    const stat = lstatSync(path, { bigint: true });
    if (stat.isSymbolicLink()) {
      const target = readlinkSync(path);
      return { kind: 'link', target, print: `link ${target}` };
    }
    const place = `${stat.dev} ${stat.ino} ${stat.mode} ${stat.size}`;
    if (stat.isDirectory()) return { kind: 'folder', print: `folder ${place} ${entriesOf(path)}` };
    // a pipe would block who reads it, and a huge file is told by its times
    if (!stat.isFile() || stat.size > LARGE)
      return { kind: 'file', print: `file ${place} ${stat.mtimeNs} ${stat.ctimeNs}` };
    const text = readFileSync(path, 'utf8');
    return { kind: 'file', text, print: `file ${place} ${text}` };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Names, sizes and times in a folder, and in the folders it holds. */
function entriesOf(path: string): string {
  return readdirSync(path)
    .sort()
    .map((name) => {
      const stat = lstatSync(join(path, name), { bigint: true });
      const below = stat.isDirectory() ? `\n${entriesOf(join(path, name))}` : '';
      return `${name} ${stat.mode} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}${below}`;
    })
    .join('\n');
}

/** What `git init` makes: hooks that are only samples, and a configuration that runs nothing. */
function isHarmless(path: string, whole: string, { kind, text }: Sighting): boolean {
  if (path.endsWith('/hooks') && kind === 'folder') return readdirSync(whole).every((name) => name.endsWith('.sample'));
  return path.endsWith('/config') && text !== undefined && isHarmlessGitConfig(text);
}

function moveAside(path: string, aside: string): void {
  rmSync(aside, { recursive: true, force: true });
  renameSync(path, aside);
}
