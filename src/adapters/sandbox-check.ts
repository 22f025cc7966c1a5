import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { EgressMode } from '../sandbox/egress.ts';
import { insideEnvironment } from '../sandbox/environment.ts';
import { parseHostRules } from '../sandbox/hosts.ts';
import { DEFAULT_LIMITS } from '../sandbox/limits.ts';
import type { Machine } from '../sandbox/machine.ts';
import { planRun } from '../sandbox/plan.ts';
import type { Tier } from '../sandbox/tier.ts';
import { landlockAbi } from './landlock.ts';
import { lookAtMachine, lookAtWorkspace } from './machine.ts';
import { runnerFor } from './runner.ts';

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
  const machine = lookAtMachine(await landlockAbi(lookAtMachine()));
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'palyra-check-')));
  // root's runs drop to the owner of the workspace: have one that is not root
  if (machine.uid === 0) chownSync(workspace, 65534, 65534);
  try {
    const tried: Tried[] = [];
    for (const tier of ['b', 'c'] as const) {
      for (const egress of ['none', 'preflight', 'strict'] as const)
        tried.push(await tryOne(machine, workspace, tier, egress));
    }
    return { machine, tried };
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

async function tryOne(machine: Machine, folder: string, tier: Tier, egress: EgressMode): Promise<Tried> {
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
      stdin: 'null',
      tty: false,
      allowRoot: false,
      hidden: [],
      homes: [],
      searchFolders: [],
    },
    machine,
  );
  if (!planned.ok) return { tier, egress, works: false, layers: [], why: planned.message, hint: planned.hint };
  const runner = await runnerFor(planned.plan.executor, machine);
  const nowhere = { stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough() };
  const { ending, layers } = await runner.run(planned.plan, nowhere, {});
  const why =
    ending.outcome === 'setup_failed'
      ? ending.message
      : ending.exitCode === 0
        ? null
        : `true ended with ${ending.exitCode}`;
  return { tier, egress, works: why === null, layers, why, hint: null };
}
