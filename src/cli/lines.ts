import { PalyraError } from '../errors.ts';
import { count } from '../text.ts';
import type { Cli } from './cli.ts';
import { written } from './output.ts';
import { openProgress } from './progress.ts';

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
  // answers that come on the same terminal show it well enough
  const progress = stdout.isTTY ? null : openProgress(cli, lineRate);
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
    progress?.show(number);
  }
  progress?.end();
}

function lineRate(done: number, seconds: number): string {
  return `${count(done, 'line')}, ${Math.round(done / seconds)} a second`;
}
