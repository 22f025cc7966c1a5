import type { PalyraError } from '../errors.ts';

/** How much is read at most, and what it is called in an error. */
export interface TextLimits {
  readonly bytes: number;
  readonly what: string;
}

/** Reads and writes what operators name on the command line and in palyra.toml. State has an adapter of its own. */
export interface Files {
  /** the text of a file, or of standard input for `-`; UTF-8, without a BOM
   *  @throws PalyraError store.not_found, input.invalid, input.too_large; usage.invalid for standard input twice */
  readonly readText: (path: string, limits: TextLimits) => string;
  /** the bytes of a file, or of standard input for `-`, as they are
   *  @throws PalyraError store.not_found, input.invalid, input.too_large */
  readonly readBytes: (path: string, limits: TextLimits) => Uint8Array;
  /** the text of a file that gives rights, or undefined when there is none
   *  @throws PalyraError store.unsafe when somebody else may write it */
  readonly readGuarded: (path: string, limits: TextLimits) => string | undefined;
  /** the text, or undefined when there is no such file */
  readonly readIfThere: (path: string, limits: TextLimits) => string | undefined;
  /** the text, or undefined unless it is a regular file of that owner which nobody else may write */
  readonly readOwned: (path: string, uid: number, limits: TextLimits) => string | undefined;
  /** the files below a folder that have one of these endings, sorted by path; or the file itself
   *  @throws PalyraError store.not_found; input.invalid, for a folder without any, too */
  readonly listFiles: (path: string, ending: string | readonly string[], what: string) => string[];
  /** whether a path, links followed, lies in a folder; what is not there lies where it is named */
  readonly isBelow: (folder: string, path: string) => boolean;
  /** whether two paths are one file */
  readonly isSame: (a: string, b: string) => boolean;
  /** write a file that must not exist yet, 0600, folders made as needed
   *  @throws PalyraError store.conflict, store.write_failed */
  readonly writeNew: (path: string, text: string) => void;
  /** make a file hold this text, at once: whoever reads it, or finds it after a crash, has the old text or the new. A file
   *  that is there keeps its mode and owner, and is written through a symlink; a new one is 0600
   *  @throws PalyraError store.write_failed */
  readonly replace: (path: string, text: string) => void;
  /** the lines of a file, or of standard input for `-`, some at a time; what is blank is `''`; a line over the limit or
   *  not in UTF-8 comes as the error
   *  @throws PalyraError store.not_found, input.invalid */
  readonly readLines: (path: string, limits: TextLimits) => AsyncIterable<(string | PalyraError)[]>;
}
