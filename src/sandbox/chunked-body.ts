/** Follows a chunked body byte by byte, so that a proxy knows where it ends. */
export interface ChunkedBody {
  /** How many of these bytes belong to the body; -1 if they are not plain chunks. `done` after the last chunk. */
  take(bytes: Uint8Array): number;
  readonly done: boolean;
}

/**
 * A strict reader of chunked bodies: sizes in hexadecimal and CRLF, nothing else. Extensions and trailers are refused,
 * for servers disagree about them. Source: RFC 9112 section 7.1.
 */
export function followChunks(): ChunkedBody {
  let state: 'size' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'end-cr' | 'end-lf' | 'done' = 'size';
  let digits = '';
  let left = 0;
  return {
    take(bytes) {
      let at = 0;
      while (at < bytes.length && state !== 'done') {
        if (state === 'data') {
          const step = Math.min(left, bytes.length - at);
          left -= step;
          at += step;
          if (left === 0) state = 'data-cr';
          continue;
        }
        const character = String.fromCharCode(bytes[at++] ?? 0);
        if (state === 'size' && /[0-9a-f]/i.test(character) && digits.length < MAX_DIGITS) digits += character;
        else if (state === 'size' && character === '\r' && digits !== '') state = 'size-lf';
        else if (state === 'size-lf' && character === '\n') {
          left = Number.parseInt(digits, 16);
          digits = '';
          state = left === 0 ? 'end-cr' : 'data';
        } else if (state === 'data-cr' && character === '\r') state = 'data-lf';
        else if (state === 'data-lf' && character === '\n') state = 'size';
        else if (state === 'end-cr' && character === '\r') state = 'end-lf';
        else if (state === 'end-lf' && character === '\n') state = 'done';
        else return -1;
      }
      return at;
    },
    get done() {
      return state === 'done';
    },
  };
}

// 2^48 bytes: far below where numbers lose precision
const MAX_DIGITS = 12;
