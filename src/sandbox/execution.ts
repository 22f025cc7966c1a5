import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical.ts';
import type { Destination } from './hosts.ts';

/** What stopped a command that did not end by itself. */
export type Limit = 'memory' | 'output' | 'cpu' | 'file_size' | 'processes';

/** How it ended. The first cause counts: a command that is killed for its output was not killed by its timeout too. */
export type Ending =
  | { readonly outcome: 'exited'; readonly exitCode: number }
  | { readonly outcome: 'signalled'; readonly exitCode: number; readonly signal: string }
  | { readonly outcome: 'timed_out'; readonly exitCode: 124 }
  | { readonly outcome: 'limit'; readonly exitCode: number; readonly limit: Limit }
  | { readonly outcome: 'refused'; readonly exitCode: 126 | 127; readonly reasonCode: string }
  | {
      /** `failed`: palyra lost hold of a command that had begun */
      readonly outcome: 'setup_failed' | 'failed';
      readonly exitCode: 125;
      readonly reasonCode: string;
      readonly message: string;
    };

/** What was seen of a run from outside. */
export interface Measured {
  readonly durationMs: number;
  readonly cpuMs: number | null;
  readonly peakRssBytes: number | null;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly truncated: boolean;
}

/**
 * A protected file that is not what it was; `movedTo`: where the new one was put aside, in the same folder; `problem`: why
 * it could not be.
 */
export interface ProtectedChange {
  readonly path: string;
  readonly change: 'created' | 'changed' | 'removed';
  readonly movedTo: string | null;
  readonly problem?: string;
}

/** A git repository below the workspace whose configuration or hooks are the command's. */
export interface RepositoryChange {
  readonly path: string;
  readonly change: 'created' | 'changed';
}

/** What a command made of what programs obey. */
export interface Aftermath {
  readonly protectedFiles: readonly ProtectedChange[];
  readonly repositories: readonly RepositoryChange[];
  /** whether the whole workspace was searched for repositories */
  readonly isSearched: boolean;
  /** it could be searched before the command, and cannot now */
  readonly isOutgrown?: true;
}

/** One run, as it was: the plan's digest, the ending, and what was seen. */
export interface Execution extends Aftermath {
  readonly planSha256: string;
  readonly ending: Ending;
  readonly measured: Measured;
  /** layers that were really active */
  readonly layers: readonly string[];
  /** what the proxy let through and refused */
  readonly destinations: readonly Destination[];
}

const NOT_MEASURED: Measured = {
  durationMs: 0,
  cpuMs: null,
  peakRssBytes: null,
  stdoutBytes: 0,
  stderrBytes: 0,
  truncated: false,
};

/** The record of a run that never began. */
export function notRun(planSha256: string, ending: Ending): Execution {
  return {
    planSha256,
    ending,
    measured: NOT_MEASURED,
    layers: [],
    protectedFiles: [],
    repositories: [],
    isSearched: true,
    destinations: [],
  };
}

/** The record of a run that had begun when palyra itself failed; nothing that was measured is left, nothing was looked at. */
export function lostExecution(planSha256: string, error: unknown): Execution {
  const message = error instanceof Error ? error.message : String(error);
  const ending = { outcome: 'failed', exitCode: 125, reasonCode: 'exec.failed', message } as const;
  return { ...notRun(planSha256, ending), isSearched: false };
}

/**
 * How a command ended, from the status that its parent saw and what was done to it.
 * @param status exit code, or 128 and the number of the signal
 * @param cause what stopped it first, if anything did
 */
export function endingOf(status: number, cause: 'timeout' | Limit | null): Ending {
  if (cause === 'timeout') return { outcome: 'timed_out', exitCode: 124 };
  const limit = cause ?? LIMIT_SIGNALS[status - 128];
  if (limit !== undefined) return { outcome: 'limit', exitCode: status, limit };
  const signal = SIGNALS[status - 129];
  if (status > 128 && signal !== undefined) return { outcome: 'signalled', exitCode: status, signal };
  return { outcome: 'exited', exitCode: status };
}

/** The execution's part of `palyra.exec.report/1`. */
export function executionRecord(execution: Execution): Readonly<Record<string, unknown>> {
  const { ending, measured } = execution;
  return {
    outcome: ending.outcome,
    exit_code: ending.exitCode,
    signal: ending.outcome === 'signalled' ? ending.signal : null,
    reason_code: reasonOf(ending),
    ...(ending.outcome === 'limit' ? { limit: ending.limit } : {}),
    duration_ms: measured.durationMs,
    cpu_ms: measured.cpuMs,
    peak_rss_bytes: measured.peakRssBytes,
    stdout_bytes: measured.stdoutBytes,
    stderr_bytes: measured.stderrBytes,
    truncated: measured.truncated,
    layers: execution.layers,
    ...aftermathRecord(execution),
    destinations: execution.destinations,
    plan_sha256: execution.planSha256,
  };
}

/** What a command made, as reports and the journal say it. */
export function aftermathRecord({
  protectedFiles,
  repositories,
  isSearched,
}: Aftermath): Readonly<Record<string, unknown>> {
  return { protected_files: protectedFiles.map(protectedRecord), repositories, repositories_searched: isSearched };
}

function protectedRecord({ path, change, movedTo, problem }: ProtectedChange): Readonly<Record<string, unknown>> {
  return { path, change, moved_to: movedTo, ...(problem === undefined ? {} : { problem }) };
}

/** SHA-256 over `palyra.execution/1`, a line feed and the canonical JSON of the record. */
export function executionSha256(execution: Execution): string {
  const text = `palyra.execution/1\n${canonicalJson(executionRecord(execution))}`;
  return createHash('sha256').update(text).digest('hex');
}

function reasonOf(ending: Ending): string {
  if ('reasonCode' in ending) return ending.reasonCode;
  if (ending.outcome === 'limit') return `exec.limit.${ending.limit}`;
  return `exec.${ending.outcome}`;
}

// in the order of their numbers, from 1; the same on x64 and arm64, and on macOS for those that matter (1-3, 6, 9, 15)
const SIGNALS =
  'SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS'.split(
    ' ',
  );
const LIMIT_SIGNALS: Readonly<Record<number, Limit>> = { 24: 'cpu', 25: 'file_size' };
