import { type Duplex, PassThrough, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalyraError, systemCode } from '../../errors.ts';
import { type Ending, type Execution, endingOf, lostExecution, notRun } from '../../sandbox/execution.ts';
import type { Destination } from '../../sandbox/hosts.ts';
import { type Plan, planSha256 } from '../../sandbox/plan.ts';
import type { Sightings } from '../../sandbox/protected-files.ts';
import type { RunnerHooks, RunnerStreams, RunningCommand } from '../../sandbox/runner.ts';
import { aftermathIn } from './aftermath.ts';
import { type ControlGroup, createGroup, findGroupPlace } from './control-group.ts';
import type { Gated } from './gated-process.ts';
import { findRepositories } from './git-repositories.ts';
import { strangeInside } from './mount-check.ts';
import { descendantsOf, isRunning, signalProcess } from './process-tree.ts';
import { type Look, lookAtProtected } from './protected-files.ts';
import { SetupFailed } from './setup-failed.ts';
import { type Processes, supervise } from './supervise.ts';

/**
 * Carry out a plan: start it, hold its limits, open the gate when everything else is ready, and say how it ended.
 * Nothing of it is left when this resolves.
 */
export async function runGated(
  plan: Plan,
  start: () => Promise<Gated>,
  streams: RunnerStreams,
  hooks: RunnerHooks,
  destinations: readonly Destination[],
): Promise<Execution> {
  const digest = planSha256(plan);
  const look = lookOrFail(plan.workspace);
  if (typeof look === 'string') return notRun(digest, setupFailed(look));
  const nowhere = { prints: {}, isComplete: false };
  const known: Known = { first: undefined, begun: false, before: { ...look.sightings, repositories: nowhere } };
  try {
    const ended = await watchGroup(start, plan, streams, { ...hooks, look, known }).catch((error: unknown) => {
      // whatever went wrong, what it has done meanwhile is looked at
      if (!known.begun) throw error;
      return lostExecution(digest, error);
    });
    const aftermath = aftermathIn(look.folder, known.before, digest.slice(0, 8));
    return { ...ended, planSha256: digest, layers: plan.layers, ...aftermath, destinations };
  } catch (error) {
    // what breaks once it has begun must not say that it never did
    if (!known.begun && isSetupFailure(error)) return notRun(digest, setupFailed(error.message));
    throw error;
  } finally {
    look.folder.close();
  }
}

async function watchGroup(
  start: () => Promise<Gated>,
  plan: Plan,
  streams: RunnerStreams,
  hooks: WatchHooks,
): Promise<Pick<Execution, 'ending' | 'measured'>> {
  const group = openGroup(plan);
  try {
    const watching = watch(await start(), plan, group, streams, hooks);
    // while the sandbox is built, and before the gate can be opened
    hooks.known.before = { ...hooks.known.before, repositories: findRepositories(hooks.look.folder) };
    return await watching;
  } finally {
    await group?.remove();
  }
}

/** What is found out about a command while it is watched. */
interface Known {
  first: number | undefined;
  /** the gate was opened */
  begun: boolean;
  /** what is compared with afterwards */
  before: Sightings;
}

type WatchHooks = RunnerHooks & { readonly look: Look; readonly known: Known };

function lookOrFail(workspace: string): Look | string {
  try {
    return lookAtProtected(workspace);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What was tried before the gate, and what the system refuses there: descriptors, space, the size of a file. */
function isSetupFailure(error: unknown): error is Error {
  if (error instanceof SetupFailed) return true;
  return error instanceof Error && !(error instanceof PalyraError) && systemCode(error) !== undefined;
}

function setupFailed(message: string): Ending {
  return { outcome: 'setup_failed', exitCode: 125, reasonCode: 'sandbox.setup_failed', message };
}

function openGroup(plan: Plan): ControlGroup | null {
  if (plan.memory !== 'cgroup') return null;
  const place = findGroupPlace();
  // the plan counts on it: nothing else bounds the memory
  if (place === null) throw new SetupFailed('there is no control group any more');
  return createGroup(place, plan.limits);
}

async function watch(
  gated: Gated,
  plan: Plan,
  group: ControlGroup | null,
  streams: RunnerStreams,
  hooks: WatchHooks,
): Promise<Pick<Execution, 'ending' | 'measured'>> {
  const { child, pipes, gate, lifeline, status } = gated;
  const { look, known } = hooks;
  const held = holdUntilStarted(gate, streams.stderr);
  const processes = processesOf(gated, known);
  const supervision = supervise(
    {
      child,
      stdin: child.stdin,
      stdout: pipes?.stdout ?? null,
      stderr: pipes?.stderr ?? null,
      processes,
      limits: plan.limits,
      group,
      countProcesses: (plan.asRoot || plan.tier === 'b') && group === null,
    },
    { ...streams, stderr: held.stderr },
  );
  try {
    known.first = await status.wait('child-pid');
    if (known.first !== undefined) {
      const [compared] = await Promise.all([
        hooks.beforeStart?.(known.before),
        group?.ready,
        Promise.race([held.stands, supervision]),
      ]);
      known.before = compared ?? known.before;
      // everything that exists waits at the gate; what it starts is born into the group
      if (group !== null) for (const pid of [known.first, ...descendantsOf(known.first)]) group.add(pid);
      if (held.started()) mustBeAsSeen(plan, known.first, look);
      hooks.started?.(handOn(processes));
      known.begun = held.started();
      gate.write('go\n');
    }
  } catch (error) {
    child.kill('SIGKILL');
    const { cause } = await supervision;
    // a limit that ended it before it began is why nothing inside could be looked at
    if (cause === null || !(error instanceof SetupFailed)) throw error;
  } finally {
    void supervision.finally(() => lifeline.destroy());
  }
  const { cause, exitCode, signal, measured } = await supervision;
  await gone(known.first);
  // a command that was begun and of whose end nothing is known took along whoever would have told
  const code = status.said('exit-code') ?? (held.started() || signal !== null || cause !== null ? 137 : undefined);
  if (code === undefined || (!held.started() && cause === null))
    throw new SetupFailed(held.said() || `bwrap ended with ${exitCode}`);
  return { ending: endingOf(code, cause), measured };
}

/** What is inside is what was looked at, whoever else works in the workspace. */
function mustBeAsSeen(plan: Plan, first: number, { sightings }: Look): void {
  if (plan.mounts.length === 0) return;
  const strange = strangeInside(plan, descendantsOf(first)[0] ?? first, sightings);
  if (strange !== undefined) throw new SetupFailed(`the workspace was changed while the sandbox was built: ${strange}`);
}

/** Until the sandbox stands, what is said on stderr is bwrap's: kept for the error message. */
function holdUntilStarted(gate: Duplex, stderr: Writable) {
  const passing = new PassThrough();
  const early: Buffer[] = [];
  let started = false;
  let tell: () => void = () => undefined;
  const stands = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const keep = (chunk: Buffer): void => {
    early.push(chunk);
  };
  passing.on('data', keep);
  stderr.once('close', () => passing.destroy());
  gate.once('data', () => {
    started = true;
    tell();
    passing.off('data', keep);
    for (const chunk of early.splice(0)) stderr.write(chunk);
    passing.pipe(stderr, { end: false });
  });
  return {
    stderr: passing,
    stands,
    started: () => started,
    said: () => Buffer.concat(early).toString('utf8').trim().slice(0, 1000),
  };
}

/** Everything below the first process. */
function processesOf({ child, lifeline, killFirst }: Gated, known: { readonly first: number | undefined }): Processes {
  const list = (): number[] => (known.first === undefined ? [] : descendantsOf(known.first));
  return {
    first: () => known.first,
    list,
    signal: (name) => {
      for (const pid of list()) signalProcess(pid, name);
    },
    kill: () => {
      if (known.first === undefined) child.kill('SIGKILL');
      else if (killFirst) signalProcess(known.first, 'SIGKILL');
      else lifeline.destroy();
    },
  };
}

function handOn(processes: Processes): RunningCommand {
  let asked = 0;
  return {
    signal: (name) => {
      if (name === 'SIGINT' || name === 'SIGTERM') asked += 1;
      if (asked > 1) processes.kill();
      else processes.signal(name);
    },
  };
}

/** bwrap ends a moment before the namespace that it watched is empty. */
async function gone(first: number | undefined): Promise<void> {
  for (let tries = 0; first !== undefined && isRunning(first) && tries < 1000; tries++) await sleep(1);
}
