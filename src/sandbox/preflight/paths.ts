import { posix } from 'node:path';

/** What the check asks of the file system; an adapter answers, so that the rule stays a pure function. */
export interface Paths {
  /**
   * The real path of the nearest existing ancestor, with the rest appended; dangling links are followed by name.
   * `path` is absolute and may hold `..`, which is resolved as the kernel would: after the links before it.
   */
  realpathNearest(path: string): string;
  /** Whether anything is there, links followed; `path` is absolute. */
  exists(path: string): boolean;
  /** The real path of the program that a bare name means on a PATH, or undefined. */
  findProgram(name: string, searchPath: string): string | undefined;
}

/** Where paths may lead: the workspace (a real path), seen from the working directory (inside it). */
export interface Scope {
  readonly workspace: string;
  readonly cwd: string;
  readonly paths: Paths;
}

/** The first part of an argument that is, or could be, a path outside the workspace. */
export function pathOutside(argument: string, scope: Scope): string | undefined {
  return possiblePaths(argument).find((path) => !isInside(path, scope));
}

/**
 * The first part of a word of a script that names a path outside the workspace. `/error/` and `s|/old|/new|` are patterns
 * as often as paths: absolute ones count where the machine has what they begin with. Neither `/` nor `~` alone does.
 */
export function pathNamed(word: string, scope: Scope): string | undefined {
  return possiblePaths(word).find((path) => {
    const [, root] = /^\/+([^/]*)/.exec(path) ?? [];
    const counts = root === undefined ? path !== '~' : root !== '' && scope.paths.exists(`/${root}`);
    return counts && !isInside(path, scope);
  });
}

/** Whether a path, absolute or seen from the working directory, stays in the workspace whoever resolves it. */
export function isInside(path: string, { workspace, cwd, paths }: Scope): boolean {
  if (HARMLESS_DEVICE.test(path)) return true;
  if (HOME.test(path)) return false;
  const whole = path.startsWith('/') ? path : `${cwd}/${path}`;
  // the kernel follows links before `..`, some programs fold `..` first: both must stay inside
  const readings = whole.includes('..') ? [whole, posix.normalize(whole)] : [whole];
  return readings.every((reading) => isBelow(paths.realpathNearest(reading), workspace));
}

/** Whether a real path is the folder or below it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Everything in an argument that a program might open: itself, values, parts of lists, glued options, `@file`, `file:`. */
function possiblePaths(argument: string): string[] {
  const local = argument.replace(URLS, (url) => (/^([a-z+]+\+)?file:/i.test(url) ? `,${fileOf(url)},` : ''));
  const glued = /^-[A-Za-z0-9]+?((?:\/|~|\.\.(?=\/|$)).*)$/.exec(local)?.[1];
  const candidates = [local, ...local.split(SEPARATORS), ...afterEach(local, '=')];
  if (glued !== undefined) candidates.push(glued);
  if (/^-[A-Za-z]./.test(local) && !local.startsWith('--')) candidates.push(local.slice(2));
  return [...new Set(candidates)];
}

const URLS = /[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s'"<>,]*|\bfile:\/?[^\s'"<>,]*/gi;
const SEPARATORS = /[=:,;@<>|]/;
const HARMLESS_DEVICE = /^\/dev\/(null|zero|full|u?random|tty|std(in|out|err)|fd\/\d+)$/;
// programs expand a leading tilde themselves (git, ssh, make)
const HOME = /^~([A-Za-z_][\w.-]*)?(\/|$)/;

function fileOf(url: string): string {
  const path = url.replace(/^[^:]*:(\/\/[^/]*)?/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a stray percent sign: the name is taken as it stands
  }
}

function afterEach(text: string, mark: string): string[] {
  const parts: string[] = [];
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) parts.push(text.slice(at + 1));
  return parts;
}
