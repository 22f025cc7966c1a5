import type { PalyraError } from '../errors.ts';

/** Something to be looked through, however large. */
export interface Source {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

export interface Sources {
  /**
   * A file, standard input for `-`, or all files below a folder in order; links below it are not followed. What cannot
   * be read comes as the error.
   */
  readonly below: (path: string) => AsyncIterable<Source | PalyraError>;
  /**
   * What `git log -p` says of a range of commits: after the byte 1 the id, the message indented, then the hunks without
   * context.
   * @throws PalyraError input.invalid
   */
  readonly gitLog: (folder: string, range: string) => AsyncIterable<Uint8Array>;
}
