import type { Machine } from '../../sandbox/machine.ts';
import type { Runner } from '../../sandbox/runner.ts';
import type { Executor } from '../../sandbox/tier.ts';

/** The runner that carries out plans of an executor; loads only that one. */
export async function runnerFor(executor: Executor, machine: Machine): Promise<Runner> {
  switch (executor) {
    case 'sandbox_tier_b':
      return (await import('./constrained-process.ts')).constrainedProcessRunner(machine);
    case 'sandbox_tier_c_linux_bubblewrap':
      return (await import('./bubblewrap.ts')).bubblewrapRunner(machine);
    case 'sandbox_tier_c_macos_sandbox_exec':
      return (await import('./sandbox-exec.ts')).sandboxExecRunner(machine);
  }
}
