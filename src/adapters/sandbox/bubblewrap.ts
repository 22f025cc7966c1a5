import {
  bubblewrapArguments,
  DESCRIPTORS,
  environmentScript,
  gatedCommand,
  onTerminal,
  withLifeline,
} from '../../sandbox/bubblewrap-arguments.ts';
import type { Execution } from '../../sandbox/execution.ts';
import type { Destination } from '../../sandbox/hosts.ts';
import type { Machine } from '../../sandbox/machine.ts';
import type { Plan } from '../../sandbox/plan.ts';
import { type Carrier, wrapWithRelays } from '../../sandbox/relays.ts';
import type { Boundary, RunnerHooks, RunnerStreams, Stdio } from '../../sandbox/runner.ts';
import { seccompProgram } from '../../sandbox/seccomp.ts';
import { type Gated, spawnGated } from './gated-process.ts';
import { runGated } from './gated-run.ts';
import { givePipes, type NewPipes, openPipes } from './output-pipes.ts';
import { SetupFailed } from './setup-failed.ts';

/**
 * Tier c on Linux. Spawns from the main thread: bwrap dies with the thread that started it. The pipes for output are made
 * while the gate decides.
 */
export function openBubblewrap(machine: Machine, { tty }: Pick<Stdio, 'tty'>): Boundary {
  const opening = tty ? Promise.resolve(null) : openPipes();
  opening.catch(() => undefined); // whoever runs hears of it
  return {
    machine,
    run: (plan, streams, hooks) => run(machine, plan, opening, streams, hooks),
    close: () => void opening.then((opened) => opened?.discard()).catch(() => undefined),
  };
}

async function run(
  machine: Machine,
  plan: Plan,
  opening: Promise<NewPipes | null>,
  streams: RunnerStreams,
  hooks: RunnerHooks,
): Promise<Execution> {
  const egress = await openEgress(machine, plan);
  const start = async (): Promise<Gated> => spawnBubblewrap(machine, plan, await opening, egress.wrap, hooks.umask);
  try {
    return await runGated(plan, start, streams, hooks, egress.destinations);
  } finally {
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

function spawnBubblewrap(
  { programs, architecture }: Machine,
  plan: Plan,
  opened: NewPipes | null,
  wrap: Egress['wrap'],
  umask: number | undefined,
): Gated {
  const { bwrap, prlimit } = programs;
  const { seccomp, memory, user, stdin } = plan;
  if (bwrap === null || prlimit === null || architecture === null || seccomp === null) {
    throw new SetupFailed('bwrap, prlimit or seccomp is missing');
  }
  if ((opened === null) !== plan.tty) throw new SetupFailed('it was opened for another plan');
  const { options, texts } = bubblewrapArguments(plan);
  const words = options.map((option) => `${option}\0`).join('');
  const command = wrap([bwrap, '--args', `${DESCRIPTORS.arguments}`, '--', ...gatedCommand(plan, prlimit)]);
  if (opened !== null) givePipes(opened.childEnds, user);
  const spawned = spawnGated({
    command: plan.tty ? onTerminal(command) : withLifeline(command),
    files: [words, seccompProgram(architecture, { seccomp, memory }), environmentScript(plan.environment), ...texts],
    output: opened?.childEnds ?? 'terminal',
    stdin,
    user,
    umask,
  });
  opened?.release();
  return { ...spawned, pipes: opened?.pipes ?? null, killFirst: true };
}
