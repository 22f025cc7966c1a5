import { realpathSync } from 'node:fs';
import { systemCode } from '../../errors.ts';
import type { Sandbox } from '../../sandbox/runner.ts';
import { argumentsAreUtf8 } from '../raw-arguments.ts';
import { aftermathOf } from './aftermath.ts';
import { openBoundary } from './boundary.ts';
import { lookAtWorkspace, systemPath } from './machine.ts';
import { systemPaths } from './paths.ts';
import { openReport } from './report-file.ts';

/** The sandbox of this machine. */
export const sandbox: Sandbox = {
  open: openBoundary,
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
};

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
