import { type Entry, type Head, readEntry } from './entry.ts';

/**
 * What is wrong with a line of the journal.
 * malformed: not an entry. edited: its own hash does not hold. missing: an entry was taken out before it. repeated: an
 * entry that stood before stands here again, or two changed places. severed: what it follows is not what stands before it.
 */
export type FaultKind = 'malformed' | 'edited' | 'missing' | 'repeated' | 'severed';

export interface Fault {
  readonly fault: FaultKind;
  /** the fact, for people: `entry 7 where 6 is due` */
  readonly words: string;
}

/** The next entry of the chain, or why this line is not it. Holding each line to this from GENESIS on is verification. */
export function nextEntry(head: Head, line: string): Entry | Fault {
  const due = head.seq + 1;
  const entry = readEntry(line);
  if (entry === 'malformed') return { fault: 'malformed', words: `no entry where ${due} is due` };
  if (entry === 'edited') return { fault: 'edited', words: `the entry where ${due} is due does not have its own hash` };
  if (entry.seq > due) return { fault: 'missing', words: `entry ${entry.seq} where ${due} is due` };
  if (entry.seq < due) return { fault: 'repeated', words: `entry ${entry.seq} where ${due} is due` };
  if (entry.prev !== head.hash) return { fault: 'severed', words: `entry ${due} follows another entry ${head.seq}` };
  return entry;
}

export function isFault(outcome: Entry | Fault): outcome is Fault {
  return 'fault' in outcome;
}
