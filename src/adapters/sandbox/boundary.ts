import type { Boundary, Stdio } from '../../sandbox/runner.ts';
import type { Tier } from '../../sandbox/tier.ts';
import { lookAtMachine } from './machine.ts';

/** Open what carries out plans of a tier here; loads only that. */
export async function openBoundary(tier: Tier, stdio: Stdio): Promise<Boundary> {
  const machine = lookAtMachine();
  if (machine.platform === 'darwin') return (await import('./sandbox-exec.ts')).openSandboxExec(machine);
  if (tier === 'b') return await (await import('./constrained-process.ts')).openConstrainedProcess(machine, stdio);
  return (await import('./bubblewrap.ts')).openBubblewrap(machine, stdio);
}
