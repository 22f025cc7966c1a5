/** One step of a SOCKS conversation as far as the bytes go; `used` is how many of them it took. */
export type SocksStep<T> = { readonly value: T; readonly used: number } | undefined;

/** The greeting: whether the client can do without a password. Source: RFC 1928 section 3. */
export function readSocksGreeting(bytes: Uint8Array): SocksStep<{ readonly open: boolean }> {
  const count = bytes[1];
  if (count === undefined || bytes.length < 2 + count) return undefined;
  return { value: { open: bytes.subarray(2, 2 + count).includes(NO_PASSWORD) }, used: 2 + count };
}

/**
 * The request: where to, or null for anything but CONNECT to a name or address. Source: RFC 1928 section 4.
 * The host is text as it came; it is not yet known to be one.
 */
export function readSocksRequest(
  bytes: Uint8Array,
): SocksStep<{ readonly host: string; readonly port: number } | null> {
  const [version, command, reserved, kind, length] = bytes;
  if (kind === undefined || length === undefined) return undefined;
  const size = { [IPV4]: 4, [NAME]: 1 + length, [IPV6]: 16 }[kind];
  if (version !== 5 || command !== CONNECT || reserved !== 0 || size === undefined) return { value: null, used: 5 };
  const end = 4 + size;
  const [high, low] = bytes.subarray(end, end + 2);
  if (high === undefined || low === undefined) return undefined;
  return { value: { host: hostText(kind, bytes.subarray(4, end)), port: (high << 8) | low }, used: end + 2 };
}

const NO_PASSWORD = 0;
const CONNECT = 1;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

function hostText(kind: number, bytes: Uint8Array): string {
  if (kind === IPV4) return bytes.join('.');
  if (kind === NAME) return String.fromCharCode(...bytes.subarray(1));
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return `[${groups.join(':')}]`;
}
