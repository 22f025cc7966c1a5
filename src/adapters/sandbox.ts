import { realpathSync } from 'node:fs';
import { systemCode } from '../errors.ts';
import type { Sandbox } from '../sandbox/runner.ts';
import { aftermathOf } from './aftermath.ts';
import { lookAtMachine, lookAtWorkspace, systemPath } from './machine.ts';
import { systemPaths } from './paths.ts';
import { argumentsAreUtf8 } from './raw-arguments.ts';
import { openReport } from './report-file.ts';
import { runnerFor } from './runner.ts';

/** The sandbox of this machine. */
export const sandbox: Sandbox = {
  machine: async (tier) => {
    const machine = lookAtMachine();
    // found out by trying, which takes as long as starting perl
    return tier === 'b'
      ? { ...machine, landlockAbi: await (await import('./landlock.ts')).landlockAbi(machine) }
      : machine;
  },
  workspace: lookAtWorkspace,
  hidden: (path) => {
    const real = realpath(path);
    return real === undefined ? undefined : systemPath(real);
  },
  realpath,
  paths: systemPaths,
  argumentsAreUtf8,
  openReport,
  finish: aftermathOf,
  runner: runnerFor,
};

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
