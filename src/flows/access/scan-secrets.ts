import { openGitLog } from '../../access/git-log.ts';
import type { Registry } from '../../access/registry.ts';
import { type FoundSecret, openLookup, openScanner, type Sighting } from '../../access/scan.ts';
import { PalyraError } from '../../errors.ts';
import type { Sources } from '../../store/sources.ts';

/** Where a secret stands. */
export interface Hit extends FoundSecret {
  /** a path, `standard input`, or `path@commit` */
  readonly source: string;
  readonly line: number;
}

export interface ScanningDesk {
  readonly sources: Sources;
  /** to tell which are live; looked up by hash */
  readonly registry: Registry;
  readonly now: number;
  /** the working directory: where git is asked */
  readonly cwd: string;
  /** after each piece: how many bytes so far */
  readonly progress: (bytes: number) => void;
}

/** What was found, and what could not be read: a scan is clean only if both are empty. */
export interface Scanned {
  readonly hits: readonly Hit[];
  readonly unread: readonly PalyraError[];
  readonly bytes: number;
}

/**
 * Look for palyra's secrets, by their checksums, without asking anybody.
 * @param range of commits, whose messages and additions are looked through; without it files, folders, `-` for standard input
 * @throws PalyraError input.invalid for a range that git does not know
 */
export async function scanSecrets(
  desk: ScanningDesk,
  { paths, range }: { readonly paths: readonly string[]; readonly range?: string | undefined },
): Promise<Scanned> {
  const lookup = openLookup(desk.registry, desk.now);
  const hits: Hit[] = [];
  const unread: PalyraError[] = [];
  let bytes = 0;
  const keep = (source: string, sightings: readonly Sighting[]): void => {
    for (const sighting of sightings) {
      const finding = lookup(sighting);
      if (finding !== null) hits.push({ source, line: sighting.line, ...finding });
    }
  };
  const count = (piece: Uint8Array): void => {
    bytes += piece.length;
    desk.progress(bytes);
  };
  for (const path of paths) {
    for await (const source of desk.sources.below(path)) {
      if (source instanceof PalyraError) unread.push(source);
      else await scanSource(source.pieces, (sightings) => keep(source.name, sightings), count, unread);
    }
  }
  if (range !== undefined) {
    const log = openGitLog(keep);
    for await (const piece of desk.sources.gitLog(desk.cwd, range)) {
      log.feed(piece);
      count(piece);
    }
    log.end();
  }
  return { hits, unread, bytes };
}

async function scanSource(
  pieces: AsyncIterable<Uint8Array>,
  found: (sightings: Sighting[]) => void,
  count: (piece: Uint8Array) => void,
  unread: PalyraError[],
): Promise<void> {
  const scanner = openScanner();
  try {
    for await (const piece of pieces) {
      found(scanner.feed(piece));
      count(piece);
    }
    found(scanner.end());
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    unread.push(error);
  }
}
