import { fstatSync, statSync } from 'node:fs';

/** Whether what is printed is kept by nobody: standard output is /dev/null, or was closed, for which Node opens that. */
export function isDiscarded(): boolean {
  const stats = fstatSync(1);
  return stats.isCharacterDevice() && stats.rdev === statSync('/dev/null').rdev;
}
