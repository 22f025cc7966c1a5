import { printable } from '../text.ts';
import type { Cli } from './cli.ts';

/**
 * Say that a principal has no kind, where it has none: nothing is wrong with it, but it will probably match nothing. Not
 * with --json, where an error that may follow is the one object on stderr.
 */
export function noteKindless({ output }: Pick<Cli, 'output'>, principal: string | undefined): void {
  if (output.json || principal === undefined || principal === '' || principal.indexOf(':') > 0) return;
  const words = 'has no kind, such as user:bob; policies and postures compare it as it is written';
  output.note(`palyra: note:  ${printable(principal)} ${words}`);
}
