import type { Sightings } from '../sandbox/protected-files.ts';

/** A command that was let go, and what must be looked at again when it has ended, by whoever is left to do it. */
export interface OpenRun {
  readonly attestationId: string;
  readonly before: Sightings;
}

/** The runs of all processes that have begun, kept until their end is written down. */
export interface OpenRuns {
  keep(run: OpenRun): void;
  /** @returns whether it was kept until now: of several that forget it, one was the first */
  forget(attestationId: string): boolean;
  /**
   * By whether the process that watches them is still there. `unreadable`: the ids of those of which this, and whatever
   * else was kept, cannot be read.
   */
  list(): {
    readonly running: readonly OpenRun[];
    readonly lost: readonly OpenRun[];
    readonly unreadable: readonly string[];
  };
}
