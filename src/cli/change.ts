import type { Changed } from '../flows/access/change-registry.ts';
import type { Cli } from './cli.ts';

/** How a mutation is told. */
export interface ChangeWords {
  /** e.g. `palyra.members.set-role/1` */
  readonly schema: string;
  /** what --json says besides; no hash */
  readonly value: Readonly<Record<string, unknown>>;
  /** what becomes so, in the present tense, printable: `user:bob becomes admin of ops` */
  readonly becomes: string;
  /** what else people should know of it, printable */
  readonly notes?: readonly string[];
}

/** Say what a mutation came to: done, would be done, or nothing to do. */
export function sayChange<A>(
  { output }: Cli,
  { changed, wouldChange, entry }: Changed<A>,
  { schema, value, becomes, notes = [] }: ChangeWords,
): void {
  if (output.json) {
    output.value({ schema, ...value, changed });
    return;
  }
  if (changed) output.note(`${becomes}, journal ${entry}`);
  else output.note(wouldChange ? `dry run, nothing is written: ${becomes}` : `nothing to change: ${becomes} already`);
  for (const note of notes) output.note(note);
}
