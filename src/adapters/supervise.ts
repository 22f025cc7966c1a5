import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Limit, Measured } from '../sandbox/execution.ts';
import type { Limits } from '../sandbox/limits.ts';
import type { RunnerStreams } from '../sandbox/runner.ts';
import type { ControlGroup } from './control-group.ts';
import { childrenCpuMs, useOf } from './process-tree.ts';

/** The processes of one command, however they are found. */
export interface Processes {
  list(): readonly number[];
  signal(name: NodeJS.Signals): void;
  /** SIGKILL to all of them, at once */
  kill(): void;
}

/** What is watched: the child whose end is the end, its limits, and what bounds its memory. */
export interface Supervised {
  readonly child: ChildProcess;
  readonly processes: Processes;
  readonly limits: Limits;
  readonly group: ControlGroup | null;
  /** the kernel does not count them: a command of root without a control group */
  readonly countProcesses: boolean;
}

/** What was done and seen until the child ended. `cause`: what stopped it first, if anything did. */
export interface Supervision {
  readonly cause: 'timeout' | Limit | null;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly measured: Measured;
}

const GRACE_MS = 2000;
const WATCH_MS = 60;
/** how long an orphan that holds a pipe may go on writing */
const DRAIN_MS = 300;

/** Pass the streams on, hold the limits, and say how it ended: on the child's exit, not on the pipes' end. */
export function supervise(
  { child, processes, limits, group, countProcesses }: Supervised,
  streams: RunnerStreams,
): Promise<Supervision> {
  const startedAt = performance.now();
  const cpuBefore = childrenCpuMs();
  let cause: Supervision['cause'] = null;
  let peak = 0;
  const timers: NodeJS.Timeout[] = [];
  const stop = (why: NonNullable<Supervision['cause']>): void => {
    cause ??= why;
    processes.kill();
  };

  timers.push(
    setTimeout(() => {
      cause ??= 'timeout';
      processes.signal('SIGTERM');
      timers.push(setTimeout(() => processes.kill(), GRACE_MS));
    }, limits.timeoutMs),
  );
  if (group === null || countProcesses) {
    const watch = setInterval(() => {
      const pids = processes.list();
      const bytes = pids.reduce((sum, pid) => sum + (useOf(pid)?.ownBytes ?? 0), 0);
      peak = Math.max(peak, bytes);
      if (group === null && bytes > limits.memoryLimitBytes) stop('memory');
      if (countProcesses && pids.length > limits.maxProcesses) stop('processes');
    }, WATCH_MS);
    timers.push(watch);
  }
  const meter = new OutputMeter(limits.maxOutputBytes, () => stop('output'));
  const stdout = meter.pass(child.stdout, streams.stdout);
  const stderr = meter.pass(child.stderr, streams.stderr);
  if (child.stdin !== null) feed(streams.stdin, child.stdin);

  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      for (const timer of timers) clearTimeout(timer);
      void drained(child).then(() => {
        const ranOut = cause === null && exitCode !== 0 && group?.ranOut() === true;
        const measured: Measured = {
          durationMs: Math.round(performance.now() - startedAt),
          cpuMs: childrenCpuMs() - cpuBefore,
          peakRssBytes: group?.peakBytes() ?? (peak || null),
          stdoutBytes: stdout.bytes,
          stderrBytes: stderr.bytes,
          truncated: meter.truncated,
        };
        resolve({ cause: ranOut ? 'memory' : cause, exitCode, signal, measured });
      });
    });
  });
}

/** Counts what both streams say together, and lets nothing past the limit. */
class OutputMeter {
  truncated = false;
  #left: number;
  readonly #stop: () => void;

  constructor(limit: number, stop: () => void) {
    this.#left = limit;
    this.#stop = stop;
  }

  pass(from: Readable | null, to: Writable): { readonly bytes: number } {
    const passed = { bytes: 0 };
    from?.on('data', (chunk: Buffer) => {
      passed.bytes += chunk.length;
      const part = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
      this.#left -= part.length;
      if (part.length > 0 && to.writable && !to.write(part)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (part.length === chunk.length || this.truncated) return;
      this.truncated = true;
      this.#stop();
    });
    // a reader that went away ends the output, not the run
    to.on('error', () => from?.resume());
    return passed;
  }
}

function feed(from: Readable, to: Writable): void {
  // the command may end, or close its input, while there is more
  to.on('error', () => from.unpipe(to));
  from.pipe(to);
}

/** Wait until the pipes have ended, or an orphan that holds one has been silent for a while. */
function drained(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.closed) as Readable[];
  return new Promise((resolve) => {
    let open = streams.length;
    let silent = true;
    const finish = (): void => {
      clearInterval(timer);
      for (const stream of [...streams, child.stdin]) stream?.destroy();
      resolve();
    };
    const timer = setInterval(() => {
      // a reader of ours that is slow is no orphan
      if (silent && !streams.some((stream) => stream.isPaused())) finish();
      silent = true;
    }, DRAIN_MS);
    for (const stream of streams) {
      stream.on('data', () => {
        silent = false;
      });
      stream.once('close', () => {
        open -= 1;
        if (open === 0) finish();
      });
    }
    if (open === 0) finish();
  });
}
