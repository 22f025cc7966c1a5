import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { bubblewrapArguments, DESCRIPTORS, gatedCommand, withLifeline } from '../sandbox/bubblewrap-arguments.ts';
import { type Execution, endingOf, notRun } from '../sandbox/execution.ts';
import type { Destination } from '../sandbox/hosts.ts';
import type { Machine } from '../sandbox/machine.ts';
import { type Plan, planSha256 } from '../sandbox/plan.ts';
import { type Carrier, wrapWithRelays } from '../sandbox/relays.ts';
import type { Runner, RunnerHooks, RunnerStreams, RunningCommand } from '../sandbox/runner.ts';
import { seccompProgram } from '../sandbox/seccomp.ts';
import { anonymousFile } from './anonymous-file.ts';
import { type ControlGroup, createGroup, findGroupPlace } from './control-group.ts';
import { coverInherited } from './inherited-descriptors.ts';
import { descendantsOf, isRunning, signalProcess } from './process-tree.ts';
import { lookAgain, lookAtProtected } from './protected-files.ts';
import { type Processes, supervise } from './supervise.ts';

/** Tier c on Linux. Spawns from the main thread: bwrap dies with the thread that started it. */
export function bubblewrapRunner(machine: Machine): Runner {
  return { run: (plan, streams, hooks) => run(machine, plan, streams, hooks) };
}

async function run(machine: Machine, plan: Plan, streams: RunnerStreams, hooks: RunnerHooks): Promise<Execution> {
  const digest = planSha256(plan);
  const before = lookAtProtected(plan.workspace);
  const group = openGroup(plan);
  const egress = await openEgress(machine, plan);
  try {
    const sandbox = start(machine, plan, egress.wrap);
    const ended = await watch(sandbox, plan, group, streams, hooks);
    const protectedFiles = lookAgain(plan.workspace, before, digest.slice(0, 8));
    return { planSha256: digest, layers: plan.layers, protectedFiles, destinations: egress.destinations, ...ended };
  } catch (error) {
    if (!(error instanceof SetupFailed)) throw error;
    const { message } = error;
    return notRun(digest, { outcome: 'setup_failed', exitCode: 125, reasonCode: 'sandbox.setup_failed', message });
  } finally {
    await group?.remove();
    await egress.close();
  }
}

/** The way out of a network of its own: what was dialled, and the command line around the sandbox's. */
interface Egress {
  readonly destinations: readonly Destination[];
  readonly wrap: (command: readonly string[]) => readonly string[];
  readonly close: () => Promise<void>;
}

async function openEgress({ programs, architecture }: Machine, { network, user }: Plan): Promise<Egress> {
  const destinations: Destination[] = [];
  if (network.kind !== 'proxied') return { destinations, wrap: (command) => command, close: async () => undefined };
  const { startEgressProxy } = await import('./egress-proxy.ts');
  const { directory, close } = await startEgressProxy(network.rules, network.relays.services, {
    parent: tmpdir(),
    ...(user === null ? {} : { owner: user }),
    report: (destination) => destinations.push(destination),
  });
  const { bwrap, perl, node, setpriv } = programs;
  const carrier: Carrier =
    perl !== null && architecture !== null
      ? { kind: 'perl', perl, arch: architecture }
      : { kind: 'node', node, sh: '/bin/sh', setpriv: setpriv ?? 'setpriv' };
  const wrap = (command: readonly string[]) =>
    wrapWithRelays({ bwrap: bwrap ?? 'bwrap', carrier }, network.relays, directory, command);
  return { destinations, wrap, close };
}

/** The boundary could not be built: an answer, not a bug. */
class SetupFailed extends Error {}

function openGroup(plan: Plan): ControlGroup | null {
  if (plan.memory !== 'cgroup') return null;
  const place = findGroupPlace();
  return place === null ? null : createGroup(place, plan.limits);
}

interface Sandbox {
  readonly child: ChildProcess;
  /** a line from it says that the sandbox stands, a line to it opens the gate */
  readonly gate: Duplex;
  readonly lifeline: Duplex;
  /** the first process inside, as the host numbers it */
  readonly firstPid: Promise<number | undefined>;
  /** what bwrap says the command ended with; undefined if it never began */
  readonly status: () => number | undefined;
}

function start({ programs, architecture }: Machine, plan: Plan, wrap: Egress['wrap']): Sandbox {
  const { bwrap, prlimit } = programs;
  if (bwrap === null || prlimit === null || architecture === null || plan.seccomp === null) {
    throw new SetupFailed('bwrap, prlimit or seccomp is missing');
  }
  const { options, texts } = bubblewrapArguments(plan);
  const contents = [
    options.map((option) => `${option}\0`).join(''),
    seccompProgram(architecture, plan.seccomp),
    ...texts,
  ];
  const files = contents.map(anonymousFile);
  const command = wrap([bwrap, '--args', `${DESCRIPTORS.arguments}`, '--', ...gatedCommand(plan, prlimit)]);
  // on a terminal the group is the person's job, which is not ours to end
  const [program = bwrap, ...rest] = plan.tty ? command : withLifeline(command);
  const stream = plan.tty ? 'inherit' : 'pipe';
  const stdin = plan.tty ? 'inherit' : plan.stdin === 'pipe' ? 'pipe' : 'ignore';
  const covers = coverInherited(DESCRIPTORS.arguments + files.length);
  const child = spawn(program, rest, {
    stdio: [stdin, stream, stream, 'pipe', 'pipe', 'pipe', ...files, ...covers.stdio],
    env: {},
    cwd: '/',
    detached: !plan.tty,
    ...(plan.user ?? {}),
  });
  for (const fd of files) closeSync(fd);
  covers.close();
  const [, , , gate, status, lifeline] = child.stdio as readonly unknown[] as readonly Duplex[];
  if (gate === undefined || status === undefined || lifeline === undefined) throw new SetupFailed('no pipes');
  return { child, gate, lifeline, ...readStatus(status, child) };
}

/** Read the JSON documents that bwrap writes on its status descriptor. */
function readStatus(stream: Readable, child: ChildProcess): Pick<Sandbox, 'firstPid' | 'status'> {
  let text = '';
  const firstPid = new Promise<number | undefined>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const pid = /"child-pid": *(\d+)/.exec(text)?.[1];
      if (pid !== undefined) resolve(Number(pid));
    });
    stream.once('close', () => resolve(undefined));
    child.once('error', () => resolve(undefined));
  });
  const status = (): number | undefined => {
    const code = /"exit-code": *(\d+)/.exec(text)?.[1];
    return code === undefined ? undefined : Number(code);
  };
  return { firstPid, status };
}

async function watch(
  { child, gate, lifeline, firstPid, status }: Sandbox,
  plan: Plan,
  group: ControlGroup | null,
  streams: RunnerStreams,
  hooks: RunnerHooks,
): Promise<Pick<Execution, 'ending' | 'measured'>> {
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new SetupFailed(error.message)));
  });
  failed.catch(() => undefined); // it is raced below; a late one has been told by the exit
  gate.on('error', () => undefined); // the sandbox is gone: its exit says so
  lifeline.on('error', () => undefined);
  const held = holdUntilStarted(gate, streams.stderr);
  const known: { first: number | undefined } = { first: undefined };
  const processes = insideOf(child, known);
  const supervision = supervise(
    { child, processes, limits: plan.limits, group, countProcesses: plan.asRoot && group === null },
    { ...streams, stderr: held.stderr },
  );
  try {
    known.first = await Promise.race([firstPid, failed]);
    if (known.first !== undefined) {
      await Promise.all([group?.ready, hooks.beforeStart?.(), Promise.race([held.stands, supervision])]);
      // everything that exists waits at the gate; what it starts is born into the group
      if (group !== null) for (const pid of [known.first, ...descendantsOf(known.first)]) group.add(pid);
      hooks.started?.(handOn(processes));
      gate.write('go\n');
    }
  } catch (error) {
    child.kill('SIGKILL');
    await supervision;
    throw error;
  } finally {
    void supervision.finally(() => lifeline.destroy());
  }
  const { cause, exitCode, signal, measured } = await supervision;
  await gone(known.first);
  const code = status() ?? (signal !== null || cause !== null ? 137 : undefined);
  if (code === undefined || (!held.started() && cause === null))
    throw new SetupFailed(held.said() || `bwrap ended with ${exitCode}`);
  return { ending: endingOf(code, cause), measured };
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

/** Everything below the first process inside; that one only forwards nothing and dies last. */
function insideOf(child: ChildProcess, known: { readonly first: number | undefined }): Processes {
  const list = (): number[] => (known.first === undefined ? [] : descendantsOf(known.first));
  return {
    list,
    signal: (name) => {
      for (const pid of list()) signalProcess(pid, name);
    },
    // the kernel ends everything in a pid namespace with its first process
    kill: () => {
      if (known.first === undefined) child.kill('SIGKILL');
      else signalProcess(known.first, 'SIGKILL');
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
