import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { EgressMode } from '../../sandbox/egress.ts';
import { insideEnvironment } from '../../sandbox/environment.ts';
import { parseHostRules } from '../../sandbox/hosts.ts';
import { DEFAULT_LIMITS } from '../../sandbox/limits.ts';
import type { Machine } from '../../sandbox/machine.ts';
import { planRun } from '../../sandbox/plan.ts';
import type { Boundary } from '../../sandbox/runner.ts';
import type { Tier } from '../../sandbox/tier.ts';
import { openBoundary } from './boundary.ts';
import { lookAtMachine, lookAtWorkspace } from './machine.ts';

/** What one way of containing a command does on this machine. */
export interface Tried {
  readonly tier: Tier;
  readonly egress: EgressMode;
  readonly works: boolean;
  /** what held, or why not */
  readonly layers: readonly string[];
  readonly why: string | null;
  readonly hint: string | null;
}

/** Find out what each tier can enforce here by running `true` in it. */
export async function checkSandbox(): Promise<{ readonly machine: Machine; readonly tried: readonly Tried[] }> {
  const { uid } = lookAtMachine();
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'palyra-check-')));
  // root's runs drop to the owner of the workspace: have one that is not root
  if (uid === 0) chownSync(workspace, 65534, 65534);
  try {
    const constrained = await openBoundary('b', STDIO);
    constrained.close();
    const tried: Tried[] = [];
    for (const tier of ['b', 'c'] as const) {
      for (const egress of ['none', 'preflight', 'strict'] as const) {
        const boundary = await openBoundary(tier, STDIO);
        tried.push(await tryOne(boundary, workspace, tier, egress));
        boundary.close();
      }
    }
    return { machine: constrained.machine, tried };
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

const STDIO = { stdin: 'null', tty: false } as const;

async function tryOne(boundary: Boundary, folder: string, tier: Tier, egress: EgressMode): Promise<Tried> {
  const planned = planRun(
    {
      argv: ['true'],
      tier,
      egress,
      hosts: parseHostRules([], []),
      workspace: lookAtWorkspace(folder),
      cwd: folder,
      environment: insideEnvironment({}, [], folder),
      limits: DEFAULT_LIMITS,
      ...STDIO,
      allowRoot: false,
      hidden: [],
      homes: [],
      searchFolders: [],
    },
    boundary.machine,
  );
  if (!planned.ok) return { tier, egress, works: false, layers: [], why: planned.message, hint: planned.hint };
  const nowhere = { stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() };
  const { ending, layers } = await boundary.run(planned.plan, nowhere, {});
  const why =
    ending.outcome === 'setup_failed'
      ? ending.message
      : ending.exitCode === 0
        ? null
        : `true ended with ${ending.exitCode}`;
  return { tier, egress, works: why === null, layers, why, hint: null };
}
