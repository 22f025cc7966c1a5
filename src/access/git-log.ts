import { PalyraError } from '../errors.ts';
import { openScanner, type Sighting } from './scan.ts';

/** Looks through `git log -p -U0` as it comes; see store/sources.ts for its form. */
export interface GitLogScanner {
  readonly feed: (bytes: Uint8Array) => void;
  readonly end: () => void;
}

/**
 * What commits add: their messages, and the new lines of their files. What a commit takes away was there before, and is
 * passed over.
 * @param found told where (`path@commit`, or the commit alone for its message) and what
 */
export function openGitLog(found: (source: string, sightings: readonly Sighting[]) => void): GitLogScanner {
  const place: Place = { commit: '', path: null, line: 0, oldLeft: 0, newLeft: 0 };
  let parts: Uint8Array[] = [];
  let held = 0;
  return {
    feed(bytes) {
      const piece = Buffer.from(bytes);
      let from = 0;
      for (let end = piece.indexOf(LF); end !== -1; end = piece.indexOf(LF, from)) {
        takeLine(place, Buffer.concat([...parts, piece.subarray(from, end)]), found);
        parts = [];
        held = 0;
        from = end + 1;
      }
      parts.push(piece.subarray(from));
      held += piece.length - from;
      if (held > LINE_BYTES) throw new PalyraError('input.too_large', `a line of more than ${LINE_BYTES} bytes in git`);
    },
    end: () => takeLine(place, Buffer.concat(parts), found),
  };
}

/** Where in the log we are. `path` is null before the first file of a commit. */
interface Place {
  commit: string;
  path: string | null;
  line: number;
  /** lines of the hunk that are still to come */
  oldLeft: number;
  newLeft: number;
}

const LF = 0x0a;
const LINE_BYTES = 64 * 1024 * 1024;

function takeLine(place: Place, line: Buffer, found: (source: string, sightings: readonly Sighting[]) => void): void {
  if (place.oldLeft + place.newLeft > 0) {
    const mark = String.fromCharCode(line[0] ?? 0);
    if (mark === '-') place.oldLeft--;
    if (mark !== '+') return;
    place.newLeft--;
    report(`${place.path}@${place.commit}`, place.line++);
    return;
  }
  const head = line.toString('utf8', 0, HEAD_BYTES);
  const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(head);
  if (hunk !== null) {
    const [, oldLines = '1', start = '0', newLines = '1'] = hunk;
    Object.assign(place, { line: Number(start), oldLeft: Number(oldLines), newLeft: Number(newLines) });
  } else if (head.startsWith('\u0001')) {
    Object.assign(place, { commit: head.slice(1, 13), path: null });
  } else if (head.startsWith('+++ ')) {
    place.path = head.slice(4).replace(/^"?b\//, '');
  }
  // a message, or the name of a file, can hold a secret too
  report(place.commit, 0);

  function report(source: string, number: number): void {
    const scanner = openScanner();
    const sightings = [...scanner.feed(line), ...scanner.end()];
    if (sightings.length > 0)
      found(
        source,
        sightings.map(({ secret }) => ({ secret, line: number })),
      );
  }
}

const HEAD_BYTES = 4096;
