import type { Cli } from './cli.ts';

/** What shows that long work goes on. */
export interface Progress {
  readonly show: (done: number) => void;
  /** before anything else is said */
  readonly end: () => void;
}

/** One line of stderr in the given words, after 300 ms, where stderr is a terminal. */
export function openProgress({ world, output }: Cli, words: (done: number, seconds: number) => string): Progress {
  const { stderr, clock } = world;
  const started = clock();
  let shownAt = started;
  const isShown = stderr.isTTY && !output.quiet;
  return {
    show(done) {
      const now = clock();
      if (!isShown || now - shownAt < QUIET_MS) return;
      shownAt = now;
      stderr.write(`\r${words(done, (now - started) / 1000)} `);
    },
    end() {
      if (shownAt !== started) stderr.write('\r\u001b[K');
    },
  };
}

const QUIET_MS = 300;
