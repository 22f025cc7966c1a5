import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PalyraError } from '../errors.ts';
import { printable } from '../text.ts';
import type { Cli } from './cli.ts';

/** Keys are ignored for so long after something new is on the screen: nobody has read it yet. */
const READING_MS = 400;

/** Whether a person can be asked: standard input and standard error are terminals. What comes from a pipe is no answer. */
export function canAsk({ world, options }: Pick<Cli, 'world' | 'options'>): boolean {
  return options.input && world.stdin.isTTY && world.stderr.isTTY;
}

/** PALYRA_A11Y=1: plain lines and numbers, nothing is drawn over. */
export function isPlainAsking({ world }: Pick<Cli, 'world'>): boolean {
  return world.env.PALYRA_A11Y === '1';
}

/**
 * Ask yes or no, on stderr; Enter is no.
 * @throws PalyraError interrupted
 */
export async function confirm({ world }: Pick<Cli, 'world'>, question: string): Promise<boolean> {
  const { createPromptModule } = await import('inquirer');
  const prompt = createPromptModule({ input: world.stdin, output: world.stderr });
  try {
    const { yes } = await prompt([{ type: 'confirm', name: 'yes', message: printable(question), default: false }]);
    return yes === true;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ExitPromptError') throw error;
    throw interrupted();
  }
}

/**
 * Ask one line on standard error. Keys pressed before, and for 400 ms from now, count for nothing.
 * @returns the line, trimmed; undefined when the signal was aborted or the input ended (Ctrl-D)
 * @throws PalyraError interrupted (Ctrl-C)
 */
export async function askLine(cli: Cli, message: string, signal: AbortSignal): Promise<string | undefined> {
  const { stdin } = cli.world;
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const onKeys = (keys: Buffer | string): void => {
    if (keys.toString().includes(END)) ended.abort();
  };
  const [ask] = await Promise.all([isPlainAsking(cli) ? askPlainly : openInquirer(), ignoreKeys(stdin, until)]);
  if (until.aborted) return undefined;
  stdin.on('data', onKeys);
  try {
    return (await ask(cli, message, until)).trim();
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'ExitPromptError') throw interrupted();
    if (name === 'AbortPromptError' || name === 'AbortError') return undefined;
    throw error;
  } finally {
    stdin.off('data', onKeys);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

const INTERRUPT = '\u0003';
const END = '\u0004';

/** Whatever is typed until the time is over is thrown away; Ctrl-C alone is heard. */
async function ignoreKeys(stdin: NodeJS.ReadStream, until: AbortSignal): Promise<void> {
  const interruption = new AbortController();
  const onKeys = (keys: Buffer | string): void => {
    if (keys.toString().includes(INTERRUPT)) interruption.abort();
  };
  // raw, or the keys would be echoed, and kept by the terminal until the line ends
  stdin.setRawMode(true);
  stdin.on('data', onKeys);
  stdin.resume();
  await sleep(READING_MS, undefined, { signal: AbortSignal.any([until, interruption.signal]) }).catch(() => undefined);
  stdin.off('data', onKeys);
  stdin.pause();
  if (interruption.signal.aborted || until.aborted) stdin.setRawMode(false);
  if (interruption.signal.aborted) throw interrupted();
}

type Ask = (cli: Cli, message: string, signal: AbortSignal) => Promise<string>;

async function openInquirer(): Promise<Ask> {
  const { createPromptModule } = await import('inquirer');
  return async ({ world }, message, signal) => {
    const prompt = createPromptModule({ input: world.stdin, output: world.stderr, signal });
    const { answer } = await prompt([{ type: 'input', name: 'answer', message, theme: PLAIN }]);
    return answer;
  };
}

/** No colour of its own: what is shown is ours to paint, and a `?` says that it is a question. */
const PLAIN = {
  prefix: '?',
  style: { answer: (text: string) => text, message: (text: string) => text },
};

/** The terminal's own line editing: nothing is drawn over. Ctrl-C then ends palyra by its signal. */
async function askPlainly({ world }: Cli, message: string, signal: AbortSignal): Promise<string> {
  world.stdin.setRawMode(false);
  world.stderr.write(`${message}: `);
  const lines = createInterface({ input: world.stdin, terminal: false });
  const ended = new AbortController();
  lines.once('close', () => ended.abort());
  try {
    return await lines.question('', { signal: AbortSignal.any([signal, ended.signal]) });
  } finally {
    lines.close();
  }
}

function interrupted(): PalyraError {
  return new PalyraError('interrupted', 'interrupted; nothing was changed');
}
