import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../errors.ts';
import type { Paths } from '../../sandbox/preflight/paths.ts';

/** The file system as it is now. */
export const systemPaths: Paths = {
  realpathNearest: (path) => realpathNearest(path, 40),
  exists: (path) => realpath(path) !== undefined,
  findProgram,
};

function realpathNearest(path: string, linksLeft: number): string {
  for (let prefix = trimmed(path), rest = ''; ; ) {
    const real = realpath(prefix);
    if (real !== undefined) return rest === '' ? real : join(real, rest);
    const target = linksLeft > 0 ? linkTarget(prefix) : undefined;
    if (target !== undefined) {
      const whole = target.startsWith('/') ? target : `${dirname(prefix)}/${target}`;
      return realpathNearest(rest === '' ? whole : `${whole}/${rest}`, linksLeft - 1);
    }
    const slash = prefix.lastIndexOf('/');
    rest = rest === '' ? prefix.slice(slash + 1) : `${prefix.slice(slash + 1)}/${rest}`;
    prefix = trimmed(prefix.slice(0, slash));
  }
}

/** Append what does not exist; `..` in it can only be taken by name. */
function join(real: string, rest: string): string {
  const parts = real.split('/').filter((part) => part !== '');
  for (const part of rest.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (NOT_THERE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch (error) {
    if (NOT_THERE.has(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']);

function findProgram(name: string, searchPath: string): string | undefined {
  for (const folder of searchPath.split(':')) {
    const real = realpath(`${folder}/${name}`);
    if (real !== undefined) return real;
  }
  return undefined;
}
