import { type Authority, parseAuthority } from './hosts.ts';

/**
 * One HTTP/1 request as a proxy reads it. `authority` is where it goes; `text` is the head to send there, with Host
 * rebuilt and nothing that concerns only this connection; `body` is how the body ends.
 */
export interface RequestHead {
  readonly kind: 'request';
  readonly method: string;
  readonly authority: Authority;
  readonly port: number;
  readonly text: string;
  readonly body: { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' };
  /** how many bytes of the stream the head took */
  readonly headBytes: number;
}

export type ReadHead =
  | RequestHead
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly why: string; readonly named: string };

/** The most bytes a request head may take. */
const MAX_HEAD_BYTES = 16_384;

/**
 * Read a request head: CONNECT, absolute-form, or origin-form with Host. Whatever two HTTP parsers have been known to
 * read differently is invalid. Source: RFC 9112 sections 2.2, 3.2, 5 and 6; RFC 9110 section 7.6.1.
 */
export function readRequestHead(bytes: Uint8Array): ReadHead {
  const text = latin1(bytes.subarray(0, MAX_HEAD_BYTES));
  const end = text.indexOf('\r\n\r\n');
  if (/[^\r]\n|^\n|\r[^\n]|\0/.test(end === -1 ? text : text.slice(0, end))) return invalid('a bare CR, LF or NUL');
  if (end === -1) return bytes.length >= MAX_HEAD_BYTES ? invalid('a head over 16 KiB') : { kind: 'incomplete' };
  const [requestLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const request = /^([A-Z]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/.exec(requestLine);
  if (request === null) return invalid('not a request line of HTTP/1');
  const [, method = '', target = '', version = '1'] = request;
  const fields = readFields(lines);
  if (fields === undefined) return invalid('not a header line', target);
  const hosts = values(fields, 'host');
  const hostNeeded = version === '1' && method !== 'CONNECT';
  if (hosts.length > 1 || (hosts.length === 0 && hostNeeded)) return invalid('not exactly one Host', target);
  const body = bodyOf(fields, version === '1');
  if (body === undefined) return invalid('a body whose length is ambiguous', target);
  const destination = readTarget(method, target, hosts[0]);
  if (destination === undefined) return invalid('a target that cannot be proxied', target);
  const authority = parseAuthority(destination.authority);
  if (authority.kind === 'refused') return invalid(authority.why, destination.authority);
  const port = authority.port ?? (method === 'CONNECT' ? undefined : 80);
  if (port === undefined) return invalid('CONNECT without a port', destination.authority);
  const head = rebuilt(`${method} ${destination.path} HTTP/1.${version}`, authority, port, fields);
  return { kind: 'request', method, authority, port, text: head, body, headBytes: end + 4 };
}

type Field = readonly [name: string, value: string];

function invalid(why: string, named = ''): ReadHead {
  return { kind: 'invalid', why, named };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Lower-case names and trimmed values; undefined for a folded line, a blank before the colon, a control byte. */
function readFields(lines: readonly string[]): Field[] | undefined {
  const fields = lines.map((line) => FIELD.exec(line));
  return fields.every((field) => field !== null)
    ? fields.map(([, name = '', value = '']): Field => [name.toLowerCase(), value])
    : undefined;
}

const FIELD =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/;

function values(fields: readonly Field[], wanted: string): string[] {
  return fields.filter(([name]) => name === wanted).map(([, value]) => value);
}

function bodyOf(fields: readonly Field[], chunkedKnown: boolean): RequestHead['body'] | undefined {
  const lengths = values(fields, 'content-length');
  const codings = values(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return undefined;
  const [coding] = codings;
  if (coding !== undefined) return chunkedKnown && /^chunked$/i.test(coding) ? { kind: 'chunked' } : undefined;
  const [length = '0'] = lengths;
  return /^\d{1,15}$/.test(length) ? { kind: 'length', bytes: Number(length) } : undefined;
}

/** Where a request says it goes. The absolute form wins over Host, which is rebuilt from it. */
function readTarget(
  method: string,
  target: string,
  host: string | undefined,
): { readonly authority: string; readonly path: string } | undefined {
  if (method === 'CONNECT') return { authority: target, path: '' };
  if (target.includes('#')) return undefined;
  if (target.startsWith('/')) return host === undefined ? undefined : { authority: host, path: target };
  const absolute = /^http:\/\/([^/?]+)(.*)$/i.exec(target);
  if (absolute === null) return undefined;
  const [, authority = '', path = ''] = absolute;
  return { authority, path: path.startsWith('/') ? path : `/${path}` };
}

/** The head for the server: one request a connection, and no header that was meant for the proxy. */
function rebuilt(requestLine: string, { host }: Authority, port: number, fields: readonly Field[]): string {
  const name = host.includes(':') ? `[${host}]` : host;
  const listed = values(fields, 'connection').flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const dropped = new Set([...HOP_BY_HOP, ...listed.filter((option) => !FRAMING.has(option))]);
  const kept = fields.filter(([field]) => !dropped.has(field)).map(([field, value]) => `${field}: ${value}`);
  const lines = [requestLine, `host: ${port === 80 ? name : `${name}:${port}`}`, ...kept];
  return `${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`;
}

const HOP_BY_HOP = [
  'host',
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
];
// a Connection header must not be able to take away what says where the body ends
const FRAMING = new Set(['content-length', 'transfer-encoding']);
