import { PalyraError } from '../errors.ts';
import { count } from '../text.ts';
import type { Cli } from './cli.ts';

/** Answers a line by its number, from 1; a line that cannot be read comes as the error. No line feed in the answer; `''` says nothing. */
export type AnswerLine = (line: string | PalyraError, number: number) => string;

/**
 * Read a file or standard input line by line and write an answer a line to stdout, in order, in bounded memory; blank
 * lines have no answer. Progress is shown on a terminal.
 * @param limit longest line, in bytes
 * @throws PalyraError store.not_found, input.invalid; output.closed when nobody reads the answers any more
 */
export async function answerLines(cli: Cli, path: string, limit: number, answer: AnswerLine): Promise<void> {
  const { stdout } = cli.world;
  const files = await cli.world.files();
  const progress = openProgress(cli, 'line');
  let number = 0;
  for await (const lines of files.readLines(path, { bytes: limit, what: 'line' })) {
    let answers = '';
    for (const line of lines) {
      number++;
      const said = line === '' ? '' : answer(line, number);
      if (said !== '') answers += `${said}\n`;
    }
    // not everything that was asked has been answered: no success, though it ends quietly
    if (!(await written(stdout, answers))) throw new PalyraError('output.closed', 'nobody reads the answers any more');
    progress.show(number);
  }
  progress.end();
}

/** Whether the reader has taken a text; false when it is gone, or the disk is full. */
function written(stdout: NodeJS.WriteStream, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    stdout.write(text, (error) => resolve(error === undefined || error === null));
  });
}

/** How far a long run is. */
export interface Progress {
  readonly show: (done: number) => void;
  readonly end: () => void;
}

const QUIET_MS = 300;

/** `12345 requests, 56789 a second` on one line of stderr, after 300 ms, where stderr is a terminal and stdout is not. */
export function openProgress({ world, output }: Cli, noun: string): Progress {
  const { stderr, stdout, clock } = world;
  const started = clock();
  let shownAt = started;
  const isShown = stderr.isTTY && !stdout.isTTY && !output.quiet;
  return {
    show(done) {
      const now = clock();
      if (!isShown || now - shownAt < QUIET_MS) return;
      shownAt = now;
      stderr.write(`\r${count(done, noun)}, ${Math.round((done * 1000) / (now - started))} a second `);
    },
    end() {
      if (shownAt !== started) stderr.write('\r\u001b[K');
    },
  };
}
