import { spawnSync } from 'node:child_process';
import type { Machine } from '../sandbox/machine.ts';

/** The version of Landlock that the kernel has switched on, asked through perl; 0 if it has none. Takes 5 ms. */
export function landlockAbi({ programs: { perl } }: Pick<Machine, 'programs'>): number {
  if (perl === null) return 0;
  // landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION): 444 on every processor
  const { stdout } = spawnSync(perl, ['-e', 'print syscall(444, 0, 0, 1)'], {
    encoding: 'utf8',
    env: {},
    timeout: 5000,
  });
  return Math.max(0, Number(stdout) || 0);
}
