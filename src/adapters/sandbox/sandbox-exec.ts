import { spawn } from 'node:child_process';
import { type Execution, endingOf, notRun } from '../../sandbox/execution.ts';
import type { Machine } from '../../sandbox/machine.ts';
import { type Plan, planSha256 } from '../../sandbox/plan.ts';
import type { Boundary, RunnerHooks, RunnerStreams } from '../../sandbox/runner.ts';
import { seatbeltProfile } from '../../sandbox/seatbelt.ts';
import { aftermathIn } from './aftermath.ts';
import { withUmask } from './gated-process.ts';
import { findRepositories } from './git-repositories.ts';
import { signalProcess } from './process-tree.ts';
import { lookAtProtected } from './protected-files.ts';
import { type Processes, supervise } from './supervise.ts';

/** Tier c on macOS. Untested on a real Mac: limits but time and output are left to the system. */
export function openSandboxExec(machine: Machine): Boundary {
  const { sandboxExec } = machine.programs;
  return {
    machine,
    run: (plan, streams, hooks) => run(sandboxExec ?? 'sandbox-exec', plan, streams, hooks),
    close: () => undefined,
  };
}

async function run(sandboxExec: string, plan: Plan, streams: RunnerStreams, hooks: RunnerHooks): Promise<Execution> {
  const digest = planSha256(plan);
  const { folder, sightings } = lookAtProtected(plan.workspace);
  const seen = { ...sightings, repositories: findRepositories(folder) };
  const before = (await hooks.beforeStart?.(seen)) ?? seen;
  const child = withUmask(hooks.umask, () =>
    spawn(sandboxExec, ['-p', seatbeltProfile(plan), '--', ...plan.argv], {
      stdio: [plan.stdin === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: plan.environment,
      cwd: plan.cwd,
      detached: true,
      ...(plan.user ?? {}),
    }),
  );
  const failed = new Promise<string>((resolve) => child.once('error', (error) => resolve(error.message)));
  // the negative number is the process group
  const signal = (name: NodeJS.Signals) => child.pid !== undefined && signalProcess(-child.pid, name);
  const processes: Processes = { first: () => child.pid, list: () => [], signal, kill: () => signal('SIGKILL') };
  const supervision = supervise(
    {
      child,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      processes,
      limits: plan.limits,
      group: null,
      countProcesses: false,
    },
    streams,
  );
  hooks.started?.({ signal });
  const ended = await Promise.race([supervision, failed]);
  if (typeof ended === 'string') {
    return notRun(digest, {
      outcome: 'setup_failed',
      exitCode: 125,
      reasonCode: 'sandbox.setup_failed',
      message: ended,
    });
  }
  processes.kill(); // what is left of the group
  const status = ended.exitCode ?? 128 + (ended.signal === 'SIGTERM' ? 15 : 9);
  const aftermath = aftermathIn(folder, before, digest.slice(0, 8));
  folder.close();
  return {
    planSha256: digest,
    ending: endingOf(status, ended.cause),
    measured: ended.measured,
    layers: plan.layers,
    ...aftermath,
    destinations: [],
  };
}
