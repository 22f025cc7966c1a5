import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { systemCode } from '../../errors.ts';

/**
 * What to give a child in place of descriptors that this process was started with and that it would pass on unseen: a
 * folder or socket among them leads out of any sandbox. Everything that Node opens itself is closed on exec.
 * @param from the first descriptor to cover; those before are given explicitly
 * @returns entries for `stdio`, from that descriptor on, and what to close after the spawn
 */
export function coverInherited(from: number): { readonly stdio: ('ignore' | number)[]; readonly close: () => void } {
  const leaking = inherited().filter((fd) => fd >= from);
  if (leaking.length === 0) return { stdio: [], close: () => undefined };
  const nothing = openSync('/dev/null', 'r');
  const stdio = Array.from({ length: Math.max(...leaking) - from + 1 }, (_, index) =>
    leaking.includes(from + index) ? nothing : ('ignore' as const),
  );
  return { stdio, close: () => closeSync(nothing) };
}

/** Open descriptors that survive exec. Source: proc_pid_fdinfo(5). Where there is no /proc nothing is known of them. */
function inherited(): number[] {
  const fds = readNames('/proc/self/fd').map(Number);
  return fds.filter((fd) => {
    const flags = /^flags:\s*([0-7]+)/m.exec(read(`/proc/self/fdinfo/${fd}`))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  });
}

const O_CLOEXEC = 0o2000000;

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return '';
  }
}
