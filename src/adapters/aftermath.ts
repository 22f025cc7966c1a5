import { statSync } from 'node:fs';
import type { Aftermath } from '../sandbox/execution.ts';
import type { Sightings } from '../sandbox/protected-files.ts';
import { changedRepositories } from './git-repositories.ts';
import { HeldFolder } from './held-folder.ts';
import { lookAgain } from './protected-files.ts';

/**
 * What a command made of what programs obey, put aside as far as it can be.
 * @param mark tells the names of different runs apart
 */
export function aftermathIn(folder: HeldFolder, before: Sightings, mark: string): Aftermath {
  const protectedFiles = lookAgain({ folder, sightings: before }, mark);
  return { protectedFiles, ...changedRepositories(folder, before.repositories) };
}

/**
 * The same for another process, which is gone.
 * @returns undefined if the workspace is not there any more, or is another
 */
export function aftermathOf(before: Sightings, mark: string): Aftermath | undefined {
  const folder = tryToHold(before.workspace);
  if (folder === undefined) return undefined;
  try {
    // not the device, whose number may change when the machine starts
    const isSame = `${statSync(folder.self(), { bigint: true }).ino}` === before.place.split(' ')[1];
    return isSame ? aftermathIn(folder, before, mark) : undefined;
  } finally {
    folder.close();
  }
}

function tryToHold(path: string): HeldFolder | undefined {
  try {
    return new HeldFolder(path);
  } catch {
    return undefined;
  }
}
