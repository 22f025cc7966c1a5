import type { Readable, Writable } from 'node:stream';
import type { Aftermath, Execution } from './execution.ts';
import type { Machine, SystemPath, Workspace } from './machine.ts';
import type { Plan, RunRequest } from './plan.ts';
import type { Paths } from './preflight/paths.ts';
import type { Sightings } from './protected-files.ts';
import type { Tier } from './tier.ts';

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
  /** what the command begins with; ours if left out */
  readonly umask?: number;
  /**
   * Awaited when the boundary is being built and before the first instruction; if it rejects, nothing runs.
   * @param seen what must be looked at again even if we do not live to do it
   * @returns what it is then compared with
   */
  readonly beforeStart?: (seen: Sightings) => Promise<Sightings>;
  readonly started?: (command: RunningCommand) => void;
}

/** What carries out plans. Resolves when the command has ended and nothing of it is left; rejects only for bugs. */
export interface Runner {
  run(plan: Plan, streams: RunnerStreams, hooks: RunnerHooks): Promise<Execution>;
}

/** How the streams of the command that is to come are connected. */
export type Stdio = Pick<RunRequest, 'stdin' | 'tty'>;

/**
 * What contains one command of a tier, as far as it can stand before the command is known: what takes time is done while
 * the gate decides.
 */
export interface Boundary extends Runner {
  readonly machine: Machine;
  /** end what stands and will not be used */
  close(): void;
}

/** Everything that a run needs to know of this machine, and to do on it. */
export interface Sandbox {
  /** The plan that is run in it must be of this tier. */
  open(tier: Tier, stdio: Stdio): Promise<Boundary>;
  /** @param path absolute */
  workspace(path: string): Workspace;
  /** what must not be seen inside, by its real path; undefined if it is not there */
  hidden(path: string): SystemPath | undefined;
  /** the real path; undefined if it is not there */
  realpath(path: string): string | undefined;
  readonly paths: Paths;
  /** whether the arguments of this process are what the system was given */
  argumentsAreUtf8(): boolean;
  /**
   * Somewhere to write a record to, whatever becomes of the folder meanwhile; what is written replaces what is there.
   * @throws PalyraError sandbox.setup_failed; store.write_failed when it is written
   */
  openReport(path: string): (text: string) => void;
  /**
   * Look again at a workspace for a run whose own process is gone, and put aside what its command made.
   * @returns undefined if the workspace is not there any more
   */
  finish(before: Sightings, mark: string): Aftermath | undefined;
}
