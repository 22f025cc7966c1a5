import type { Readable, Writable } from 'node:stream';
import type { Execution } from './execution.ts';
import type { Plan } from './plan.ts';

/** Where a command's streams go. `stdin` is read only if the plan says so. With a terminal they are inherited instead. */
export interface RunnerStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** A hand on a running command. */
export interface RunningCommand {
  /** Pass a signal on to everything inside. The second INT or TERM is followed by SIGKILL. */
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGQUIT'): void;
}

export interface RunnerHooks {
  /** Awaited when the boundary is being built and before the first instruction; if it rejects, nothing runs. */
  readonly beforeStart?: () => Promise<void>;
  readonly started?: (command: RunningCommand) => void;
}

/** What carries out plans. Resolves when the command has ended and nothing of it is left; rejects only for bugs. */
export interface Runner {
  run(plan: Plan, streams: RunnerStreams, hooks: RunnerHooks): Promise<Execution>;
}
