import { lstatSync, readFileSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import { readMountInfo, strangeMount } from '../sandbox/mount-info.ts';
import type { Plan } from '../sandbox/plan.ts';
import type { FileSightings } from '../sandbox/protected-files.ts';

/**
 * Whether a sandbox that stands shows what was looked at, and nothing else of the host: between the look and the mount
 * somebody who writes in the workspace may have put a link in the place of a folder.
 * @param pid of a process inside
 * @returns what is not as it was, in words
 */
export function strangeInside(plan: Plan, pid: number, { place, found }: FileSightings): string | undefined {
  try {
    const inside = readMountInfo(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'));
    const strange = strangeMount(plan, inside, () => readMountInfo(readFileSync('/proc/self/mountinfo', 'latin1')));
    if (strange !== undefined) return strange;
    const places: [string, string | undefined][] = [[plan.workspace, place]];
    for (const { kind, path } of plan.mounts) {
      if (kind !== 'read' || !path.startsWith(`${plan.workspace}/`)) continue;
      places.push([path, found[path.slice(plan.workspace.length + 1)]?.place]);
    }
    const moved = places.find(([path, was]) => placeOf(`/proc/${pid}/root${path}`) !== was);
    return moved === undefined ? undefined : `${moved[0]} is not what it was`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return `what is inside cannot be seen (${systemCode(error)})`;
  }
}

function placeOf(path: string): string {
  const { dev, ino } = lstatSync(path, { bigint: true });
  return `${dev} ${ino}`;
}
