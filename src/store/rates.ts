import type { DueAt, Use } from '../access/rate.ts';

/** What tokens have used lately: one number each, shared by all processes, there after a restart. */
export interface Rates {
  /** Whether using a token will need no further room. */
  isPrepared(): Promise<boolean>;
  prepare(): Promise<void>;
  /**
   * Decide on one use of a token, alone among all processes, and keep what it comes to.
   * @throws PalyraError store.unsafe, store.busy, store.write_failed: then the use is not to be allowed
   */
  use(tokenId: string, now: number, decide: (dueAt: DueAt) => Use): Promise<Use>;
}
