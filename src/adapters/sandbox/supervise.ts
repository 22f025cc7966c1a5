import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Limit, Measured } from '../../sandbox/execution.ts';
import type { Limits } from '../../sandbox/limits.ts';
import type { RunnerStreams } from '../../sandbox/runner.ts';
import type { ControlGroup } from './control-group.ts';
import { cpuOf, partOfShared, useOf } from './process-tree.ts';

/** The processes of one command, however they are found. */
export interface Processes {
  /** the one that all others are below; undefined before it is known */
  first(): number | undefined;
  /** those below it */
  list(): readonly number[];
  signal(name: NodeJS.Signals): void;
  /** SIGKILL to all of them, at once */
  kill(): void;
}

/** What is watched: the child whose end is the end, its limits, and what bounds its memory. */
export interface Supervised {
  readonly child: ChildProcess;
  /** our ends of its streams; null for those that are not ours */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
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
  { child, stdin, stdout, stderr, processes, limits, group, countProcesses }: Supervised,
  streams: RunnerStreams,
): Promise<Supervision> {
  const startedAt = performance.now();
  const waitedBefore = cpuOf('self').waitedMs;
  let cause: Supervision['cause'] = null;
  let peak = 0;
  let cpuMs = 0;
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
  // what ended has been waited for by its parent, or by the first one, whose own end may be waited for by nobody we know
  const seeCpu = (pids: readonly number[]): void => {
    const all = [processes.first(), ...pids].flatMap((pid) => (pid === undefined ? [] : [cpuOf(pid)]));
    const seen = all.reduce((sum, { ownMs, waitedMs }) => sum + ownMs + waitedMs, 0);
    cpuMs = Math.max(cpuMs, seen, cpuOf('self').waitedMs - waitedBefore);
  };
  const look = (): void => {
    const pids = processes.list();
    const uses = pids.flatMap((pid) => useOf(pid) ?? []);
    seeCpu(pids);
    const own = uses.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
    let bytes = own + uses.reduce((sum, { sharedBytes }) => sum + sharedBytes, 0);
    // what several share has been counted for each of them
    if (bytes > limits.memoryLimitBytes) bytes = own + pids.reduce((sum, pid) => sum + partOfShared(pid), 0);
    peak = Math.max(peak, bytes);
    if (group === null && bytes > limits.memoryLimitBytes) stop('memory');
    if (countProcesses && pids.length > limits.maxProcesses) stop('processes');
  };
  timers.push(setInterval(look, WATCH_MS));
  const meter = new OutputMeter(limits.maxOutputBytes, () => stop('output'));
  const out = meter.pass(stdout, streams.stdout);
  const err = meter.pass(stderr, streams.stderr);
  if (stdin !== null) feed(streams.stdin, stdin);

  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      for (const timer of timers) clearTimeout(timer);
      seeCpu([]);
      void drained({ stdin, stdout, stderr }).then(() => {
        const ranOut = cause === null && exitCode !== 0 && group?.ranOut() === true;
        const measured: Measured = {
          durationMs: Math.round(performance.now() - startedAt),
          cpuMs,
          peakRssBytes: group?.peakBytes() ?? (peak || null),
          stdoutBytes: out.bytes,
          stderrBytes: err.bytes,
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
      const part = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
      this.#left -= part.length;
      passed.bytes += part.length;
      if (part.length > 0 && !to.write(part)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (part.length === chunk.length || this.truncated) return;
      this.truncated = true;
      this.#stop();
    });
    // where a reader went away, or a disk is full, a command hears of it as from any pipe: SIGPIPE, or EPIPE
    for (const event of ['error', 'close']) to.once(event, () => from?.destroy());
    return passed;
  }
}

function feed(from: Readable, to: Writable): void {
  // the command may end, or close its input, while there is more
  to.on('error', () => from.unpipe(to));
  from.pipe(to);
}

/** Wait until the pipes have ended, or an orphan that holds one has been silent for a while. */
function drained({ stdin, stdout, stderr }: Pick<Supervised, 'stdin' | 'stdout' | 'stderr'>): Promise<void> {
  const streams = [stdout, stderr].filter((stream) => stream !== null && !stream.closed) as Readable[];
  return new Promise((resolve) => {
    let open = streams.length;
    let silent = true;
    const finish = (): void => {
      clearInterval(timer);
      for (const stream of [...streams, stdin]) stream?.destroy();
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
