import { printable } from '../text.ts';
import type { Cli } from './cli.ts';

/** Say that a principal has no kind, where it has none: nothing is wrong with it, but it will probably match nothing. */
export function noteKindless({ output }: Pick<Cli, 'output'>, principal: string | undefined): void {
  if (principal === undefined || principal === '' || principal.indexOf(':') > 0) return;
  const words = 'has no kind, such as user:bob; policies and postures compare it as it is written';
  output.note(`palyra: note:  ${printable(principal)} ${words}`);
}
