/**
 * What a TLS client says first. `serverName` is null when it names no server; with encrypted client hello it is the
 * outer name, the only one a watcher can hold a client to.
 */
export type ClientHello =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'hello'; readonly serverName: string | null };

/** The most bytes a ClientHello may take, records included; large post-quantum keys need about 2 KiB. */
export const MAX_CLIENT_HELLO_BYTES = 16_384;

/**
 * Read the ClientHello at the start of a stream, however it is cut into records. Anything out of the ordinary (other
 * records between, names twice, lengths that do not add up) is invalid: the server might read it differently.
 * Source: RFC 8446 section 4.1.2 and 5.1, RFC 6066 section 3.
 */
export function readClientHello(bytes: Uint8Array): ClientHello {
  const message = handshake(bytes);
  if (message === 'incomplete' || message === 'invalid') return { kind: message };
  try {
    return { kind: 'hello', serverName: serverName(new Cursor(message)) };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'invalid' };
    throw error;
  }
}

/** The body of the first handshake message, put together from as many records as it takes, and not one more. */
function handshake(bytes: Uint8Array): Uint8Array | 'incomplete' | 'invalid' {
  const message: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [type, major = 3, minor = 0, high, low] = bytes.subarray(at, at + RECORD_HEAD);
    if (type !== HANDSHAKE || major !== 3 || minor > 4) return 'invalid';
    if (high === undefined || low === undefined) return 'incomplete';
    const length = (high << 8) | low;
    if (length === 0 || length > MAX_CLIENT_HELLO_BYTES) return 'invalid';
    message.push(...bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length));
    at += RECORD_HEAD + length;
    const [kind = CLIENT_HELLO, ...size] = message.slice(0, 4);
    const end = 4 + size.reduce((value, byte) => (value << 8) | byte, 0);
    if (kind !== CLIENT_HELLO || end > MAX_CLIENT_HELLO_BYTES) return 'invalid';
    if (size.length === 3 && message.length >= end) return Uint8Array.from(message.slice(4, end));
  }
  return 'incomplete';
}

const RECORD_HEAD = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** @throws RangeError if the lengths do not add up or a name is given twice */
function serverName(hello: Cursor): string | null {
  hello.take(2 + 32); // version, random
  hello.take(hello.number(1)); // session
  hello.take(hello.number(2)); // cipher suites
  hello.take(hello.number(1)); // compression
  if (hello.atEnd()) return null;
  const extensions = new Cursor(hello.take(hello.number(2)));
  hello.end();
  const names: Uint8Array[] = [];
  while (!extensions.atEnd()) {
    const type = extensions.number(2);
    const body = extensions.take(extensions.number(2));
    if (type === SERVER_NAME) names.push(hostName(new Cursor(body)));
  }
  const [name] = names;
  if (names.length > 1) throw new RangeError('two server name extensions');
  return name === undefined ? null : String.fromCharCode(...name);
}

function hostName(extension: Cursor): Uint8Array {
  const list = new Cursor(extension.take(extension.number(2)));
  extension.end();
  if (list.number(1) !== HOST_NAME) throw new RangeError('a server name that is no host name');
  const name = list.take(list.number(2));
  list.end();
  return name;
}

/** Reads forward through bytes; every step past the end is a RangeError. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    if (taken.length < length) throw new RangeError('past the end');
    this.#at += length;
    return taken;
  }

  number(bytes: number): number {
    return this.take(bytes).reduce((value, byte) => (value << 8) | byte, 0);
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  end(): void {
    if (!this.atEnd()) throw new RangeError('bytes left over');
  }
}
