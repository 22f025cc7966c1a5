import { fstatSync, readlinkSync, statSync } from 'node:fs';

/** Whether what is printed is kept by nobody: standard output is /dev/null, or was closed, for which Node opens that. */
export function isDiscarded(): boolean {
  const stats = fstatSync(1);
  return stats.isCharacterDevice() && stats.rdev === statSync('/dev/null').rdev;
}

/** The file that standard output goes into, if it is one that others may read. */
export function fileOpenToOthers(): { readonly path: string; readonly mode: number } | undefined {
  const stats = fstatSync(1);
  if (!stats.isFile() || (stats.mode & 0o044) === 0) return undefined;
  return { path: pathOfOutput(), mode: stats.mode & 0o777 };
}

function pathOfOutput(): string {
  try {
    return readlinkSync('/proc/self/fd/1');
  } catch {
    // macOS does not tell
    return 'FILE';
  }
}
