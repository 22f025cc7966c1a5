import { PalyraError } from '../errors.ts';

/** How contained a command is: `b` limits and a scrubbed environment, `c` a sandbox of its own. */
export type Tier = 'b' | 'c';

/** What contains it, as reports name it. */
export type Executor = 'sandbox_tier_b' | 'sandbox_tier_c_linux_bubblewrap' | 'sandbox_tier_c_macos_sandbox_exec';

/** @throws PalyraError usage.unknown */
export function parseTier(text: string): Tier {
  if (text === 'b' || text === 'c') return text;
  throw new PalyraError('usage.unknown', `no tier ${text.slice(0, 40)}`, {
    why: 'b constrains the process, c contains it',
    hint: 'give --tier b or --tier c',
  });
}

/** What carries out a tier on a platform (`linux`, `darwin`, as Node names them). */
export function executorOf(tier: Tier, platform: string): Executor {
  if (tier === 'b') return 'sandbox_tier_b';
  return platform === 'darwin' ? 'sandbox_tier_c_macos_sandbox_exec' : 'sandbox_tier_c_linux_bubblewrap';
}
