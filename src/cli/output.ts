import type { PalyraError } from '../errors.ts';
import { asciiJson, printable } from '../text.ts';
import type { Paint } from './color.ts';
import { EXITS, type ExitName } from './exits.ts';

/** A place to write to: a process stream, or a string in a test. */
export interface Sink {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/**
 * The law of the terminal: stdout carries the answer and nothing else, stderr everything said about it.
 * Whatever was ever outside passes printable() before it comes here; JSON is ASCII.
 */
export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** paints for stdout and for stderr: each stream decides for itself */
  readonly paint: Paint;
  readonly errPaint: Paint;
  readonly isTerminal: boolean;
  readonly columns: number;
  /** a line of the answer, on stdout */
  readonly answer: (line: string) => void;
  /** the answer for programs, on stdout: one line of ASCII JSON */
  readonly value: (value: unknown) => void;
  /** a line for people, on stderr; not with --quiet */
  readonly note: (line: string) => void;
  /** something to worry about, on stderr, always */
  readonly warn: (message: string, hint?: string) => void;
}

/** What of it is chosen, and not looked up. */
type OutputSettings = Pick<Output, 'json' | 'quiet' | 'paint' | 'errPaint'>;

/** Bind the law to two sinks. */
export function openOutput(stdout: Sink, stderr: Sink, settings: OutputSettings): Output {
  const say = (line: string): void => void stderr.write(`${line}\n`);
  return {
    ...settings,
    isTerminal: stdout.isTTY === true,
    columns: stdout.columns ?? 80,
    answer: (line) => void stdout.write(`${line}\n`),
    value: (value) => void stdout.write(`${asciiJson(value)}\n`),
    note: (line) => {
      if (!settings.quiet) say(line);
    },
    warn: (message, hint) => {
      say(`palyra: ${settings.errPaint.caution('warning:')} ${printable(message)}`);
      if (hint !== undefined) say(`palyra: ${settings.errPaint.faint('hint:')}  ${printable(hint)}`);
    },
  };
}

/** Whether the reader has taken a text; false when it is gone, or the disk is full. */
export function written(stdout: NodeJS.WriteStream, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    stdout.write(text, (error) => resolve(error === undefined || error === null));
  });
}

/** Until the reader has caught up, or is gone. */
export async function drained(stdout: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => {
    stdout.once('drain', resolve);
    stdout.once('close', resolve);
    stdout.once('error', () => resolve());
  });
}

/** What is so, then why, then the next command to type; in JSON mode one object. On stderr, always. */
export function sayError(stderr: Sink, error: PalyraError, exit: ExitName, json: boolean, paint: Paint): void {
  if (json) {
    const { code, message, why, hint, details } = error;
    const value = {
      schema: 'palyra.error/1',
      error: { code, message, why, hint, ...details },
      exit: { code: EXITS[exit].code, name: exit },
    };
    stderr.write(`${asciiJson(value)}\n`);
    return;
  }
  stderr.write(`palyra: ${paint.bad('error:')} ${indent(error.message)}\n`);
  if (error.why !== undefined) stderr.write(`palyra: ${paint.faint('why:')}   ${indent(error.why)}\n`);
  if (error.hint !== undefined) stderr.write(`palyra: ${paint.faint('hint:')}  ${indent(error.hint)}\n`);
}

/** Further lines (a code frame, candidates) stand under the first, so that a foreign newline cannot imitate our prefix. */
function indent(text: string): string {
  return printable(text, { lines: true }).replaceAll('\n', '\n               ');
}
