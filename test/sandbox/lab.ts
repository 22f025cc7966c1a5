import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { findGroupPlace } from '../../src/adapters/sandbox/control-group.ts';
import { lookAtMachine, lookAtWorkspace } from '../../src/adapters/sandbox/machine.ts';
import { insideEnvironment } from '../../src/sandbox/environment.ts';
import type { Execution } from '../../src/sandbox/execution.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/sandbox/limits.ts';
import type { Machine, SystemPath } from '../../src/sandbox/machine.ts';
import { type Plan, planRun, type RunRequest } from '../../src/sandbox/plan.ts';
import type { Runner, RunnerHooks } from '../../src/sandbox/runner.ts';

/** How a test asks for a run; the rest is as `palyra exec` has it by default. */
export interface Wish extends Partial<Omit<RunRequest, 'limits' | 'workspace'>> {
  readonly limits?: Partial<Limits>;
  readonly input?: string;
  readonly hooks?: RunnerHooks;
  readonly machine?: Partial<Machine>;
}

export interface Ran {
  readonly execution: Execution;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder below /tmp by its real path; the test removes it. */
export function newFolder(name: string): string {
  return realpathSync(mkdtempSync(`/tmp/palyra-${name}-`));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export function makeFolders(...folders: readonly string[]): void {
  for (const folder of folders) mkdirSync(folder, { recursive: true });
}

/** Where this process makes control groups, if it can. */
export function groupFolders(): readonly string[] {
  const place = findGroupPlace();
  if (place === null) return [];
  return place.version === 'v1' ? [place.memory, place.pids] : [place.folder];
}

/** The control groups that this process made and did not remove. */
export function groupsLeft(): string[] {
  return groupFolders()
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(`palyra-${process.pid}-`));
}

export function planFor(workspace: string, argv: readonly [string, ...string[]], wish: Wish = {}): Plan {
  const planned = planRun(
    {
      argv,
      tier: 'c',
      egress: 'strict',
      hosts: parseHostRules([], []),
      cwd: workspace,
      environment: insideEnvironment({}, [], workspace),
      stdin: wish.input === undefined ? 'null' : 'pipe',
      tty: false,
      allowRoot: false,
      hidden: [] satisfies SystemPath[],
      homes: [],
      searchFolders: [],
      ...wish,
      limits: { ...DEFAULT_LIMITS, ...wish.limits },
      workspace: lookAtWorkspace(workspace),
    },
    { ...lookAtMachine(), ...wish.machine },
  );
  if (!planned.ok) throw new Error(`${planned.reasonCode}: ${planned.message}`);
  return planned.plan;
}

export async function runPlan(runner: Runner, plan: Plan, { input = '', hooks = {} }: Wish = {}): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = { stdout: '', stderr: '' };
  stdout.on('data', (chunk) => {
    said.stdout += chunk;
  });
  stderr.on('data', (chunk) => {
    said.stderr += chunk;
  });
  const execution = await runner.run(plan, { stdin: Readable.from([input]), stdout, stderr }, hooks);
  await new Promise((resolve) => setImmediate(resolve));
  return { execution, ...said };
}
