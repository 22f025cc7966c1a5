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
import type { Runner, RunnerHooks, RunnerStreams } from '../../sandbox/runner.ts';
import { seccompProgram } from '../../sandbox/seccomp.ts';
import { type Gated, runGated, spawnGated } from './gated-run.ts';
import type { Pipes } from './output-pipes.ts';
import { SetupFailed } from './setup-failed.ts';

/** Tier c on Linux. Spawns from the main thread: bwrap dies with the thread that started it. */
export function bubblewrapRunner(machine: Machine): Runner {
  return { run: (plan, streams, hooks) => run(machine, plan, streams, hooks) };
}

async function run(machine: Machine, plan: Plan, streams: RunnerStreams, hooks: RunnerHooks): Promise<Execution> {
  const egress = await openEgress(machine, plan);
  try {
    return await runGated(
      plan,
      (pipes) => start(machine, plan, pipes, egress.wrap),
      streams,
      hooks,
      egress.destinations,
    );
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

function start({ programs, architecture }: Machine, plan: Plan, pipes: Pipes | null, wrap: Egress['wrap']): Gated {
  const { bwrap, prlimit } = programs;
  const { seccomp, memory } = plan;
  if (bwrap === null || prlimit === null || architecture === null || seccomp === null) {
    throw new SetupFailed('bwrap, prlimit or seccomp is missing');
  }
  const { options, texts } = bubblewrapArguments(plan);
  const words = options.map((option) => `${option}\0`).join('');
  const command = wrap([bwrap, '--args', `${DESCRIPTORS.arguments}`, '--', ...gatedCommand(plan, prlimit)]);
  return spawnGated({
    command: plan.tty ? onTerminal(command) : withLifeline(command),
    files: [words, seccompProgram(architecture, { seccomp, memory }), environmentScript(plan.environment), ...texts],
    environment: {},
    cwd: '/',
    plan,
    pipes,
    killFirst: true,
  });
}
