import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { followChunks } from '../../sandbox/chunked-body.ts';
import { type ClientHello, MAX_CLIENT_HELLO_BYTES, readClientHello } from '../../sandbox/client-hello.ts';
import {
  canonicalHost,
  type Destination,
  type DestinationReason,
  destinationText,
  type Host,
  type HostRules,
  isLoopback,
  isPublicAddress,
  matchDestination,
} from '../../sandbox/hosts.ts';
import type { Service } from '../../sandbox/relays.ts';
import { type ReadHead, type RequestHead, readRequestHead } from '../../sandbox/request-head.ts';
import { readSocksGreeting, readSocksRequest, type SocksStep } from '../../sandbox/socks.ts';

/** What every connection is judged by; `sockets` are all that must go when the door closes. */
export interface Door {
  readonly rules: HostRules;
  readonly report: (destination: Destination) => void;
  readonly sockets: Set<Socket>;
}

/**
 * One client, whatever it speaks: HTTP and CONNECT, SOCKS 5, or TLS from a client that believes to have reached its
 * server. Always the same steps: canonical host, list, port, DNS once and every answer public, dial the checked address;
 * on 443 the ClientHello must name the host, on 80 the request must.
 */
export async function serveDoor(door: Door, client: Socket): Promise<void> {
  const first = await gather(client, (bytes) => ({ value: bytes[0], used: 0 }));
  if (first === TLS) return serveTls(door, client);
  if (first === SOCKS5) return serveSocks(door, client);
  if (first !== undefined) return serveHttp(door, client, null);
}

/** One service, whatever it speaks, where it was listed with its port. */
export async function serveService(door: Door, client: Socket, { host, port }: Service): Promise<void> {
  const opened = await open(door, admit(door, host, port));
  if (opened.kind === 'refused') return refuse(door, client, opened, () => new Uint8Array());
  door.report(opened.destination);
  splice(client, opened.upstream);
}

/** Count a socket among those that go when the door closes; a reset is its peer's business. */
export function keep({ sockets }: Door, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => sockets.delete(socket));
}

/** A destination that the list names; whether it may be dialled is up to its addresses. */
interface Admitted {
  readonly kind: 'admitted';
  readonly host: Host;
  readonly port: number;
  readonly loopback: boolean;
}

interface Refusal {
  readonly kind: 'refused';
  readonly destination: Destination;
}

interface Opened {
  readonly kind: 'opened';
  readonly host: Host;
  readonly destination: Destination;
  readonly upstream: Socket;
}

/** What a refused client hears, in the protocol that it speaks. */
type Reply = (destination: Destination) => Uint8Array;

interface Replies {
  readonly yes: Uint8Array;
  readonly no: Reply;
}

const TLS = 0x16;
const SOCKS5 = 0x05;
const HEAD_MS = 5000;
const DIAL_MS = 10_000;
const LINGER_MS = 1000;

async function serveTls(door: Door, client: Socket): Promise<void> {
  const hello = await gatherHello(client);
  if (hello === undefined) return;
  if (hello.kind !== 'hello') return refuse(door, client, refusal('', 443, 'request_malformed'), tlsReply);
  if (hello.serverName === null) return refuse(door, client, refusal('', 443, 'sni_missing'), tlsReply);
  const opened = await open(door, admit(door, hello.serverName, 443));
  if (opened.kind === 'refused') return refuse(door, client, opened, tlsReply);
  door.report(opened.destination);
  splice(client, opened.upstream);
}

async function serveSocks(door: Door, client: Socket): Promise<void> {
  const greeting = await gather(client, readSocksGreeting);
  if (greeting === undefined) return;
  if (!greeting.open) return refuse(door, client, refusal('', 0, 'request_malformed'), () => Uint8Array.of(5, 0xff));
  client.write(Uint8Array.of(5, 0));
  const request = await gather(client, readSocksRequest);
  if (request === undefined) return;
  if (request === null) return refuse(door, client, refusal('', 0, 'request_malformed'), () => socksReply(7));
  return serveTunnel(door, client, request.host, request.port, { yes: socksReply(0), no: () => socksReply(2) });
}

/** @param within the tunnel to port 80 that the request came through: it may go nowhere else */
async function serveHttp(door: Door, client: Socket, within: Admitted | null): Promise<void> {
  const head = await gather(client, headStep);
  if (head === undefined) return;
  if (head.kind === 'invalid') return refuse(door, client, refusal(head.named, 0, 'request_malformed'), httpReply);
  const { method, authority, port } = head;
  if (within !== null && (method === 'CONNECT' || authority.host !== within.host.host || port !== within.port)) {
    return refuse(door, client, refusal(authority.host, port, 'host_mismatch'), httpReply);
  }
  if (method === 'CONNECT') {
    return serveTunnel(door, client, authority.host, port, { yes: Buffer.from(CONNECTED), no: httpReply });
  }
  const opened = await open(door, within ?? admit(door, authority.host, port));
  if (opened.kind === 'refused') return refuse(door, client, opened, httpReply);
  door.report(opened.destination);
  forward(door, client, opened, head);
}

/** CONNECT and SOCKS: bytes both ways, but on 80 and 443 they must be for the host that was asked for. */
async function serveTunnel(door: Door, client: Socket, name: string, port: number, replies: Replies): Promise<void> {
  const admitted = admit(door, name, port);
  if (admitted.kind === 'admitted' && port === 80) {
    client.write(replies.yes);
    return serveHttp(door, client, admitted);
  }
  const opened = await open(door, admitted);
  if (opened.kind === 'refused') return refuse(door, client, opened, replies.no);
  client.write(replies.yes);
  const reason = port === 443 ? await helloMismatch(client, opened.host) : null;
  if (reason !== null) {
    opened.upstream.destroy();
    return refuse(door, client, refusal(opened.host.host, port, reason, opened.destination.address), tlsReply);
  }
  door.report(opened.destination);
  splice(client, opened.upstream);
}

function admit({ rules }: Door, text: string, port: number): Admitted | Refusal {
  const host = canonicalHost(text);
  if (host.kind === 'refused' || !/^[\x21-\x7e]+$/.test(text)) return refusal(text, port, 'request_malformed');
  const match = matchDestination(rules, host, port);
  if (match.kind === 'refused') return refusal(host.host, port, match.reason);
  return { kind: 'admitted', host, port, loopback: match.loopback };
}

/** The one place where names are resolved and sockets leave; what is dialled is what was checked. */
async function open(door: Door, admitted: Admitted | Refusal): Promise<Opened | Refusal> {
  if (admitted.kind === 'refused') return admitted;
  const { host, port, loopback } = admitted;
  const addresses = await addressesOf(host);
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  const forbidden = loopback ? undefined : addresses.find((address) => !isPublicAddress(address, own));
  if (forbidden !== undefined) return refusal(host.host, port, 'address_not_public', forbidden);
  for (const address of addresses) {
    const upstream = await dial(door, address, port);
    const destination: Destination = { host: host.host, port, address, verdict: 'allowed', reason: 'listed' };
    if (upstream !== undefined) return { kind: 'opened', host, destination, upstream };
  }
  const [address = null] = addresses;
  const reason = address === null ? 'name_not_resolved' : 'connection_failed';
  return { kind: 'refused', destination: { host: host.host, port, address, verdict: 'failed', reason } };
}

async function addressesOf(host: Host): Promise<string[]> {
  if (host.kind === 'address') return [host.host];
  if (isLoopback(host)) return ['127.0.0.1', '::1'];
  const { lookup } = await import('node:dns/promises');
  try {
    return (await lookup(host.host, { all: true, verbatim: true })).map(({ address }) => address);
  } catch {
    return []; // whatever DNS had to say, there is no address
  }
}

function dial(door: Door, address: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const upstream = connect({ host: address, port, allowHalfOpen: true });
    const timer = setTimeout(() => upstream.destroy(), DIAL_MS);
    const settle = (socket: Socket | undefined) => {
      clearTimeout(timer);
      resolve(socket);
    };
    keep(door, upstream);
    upstream.once('connect', () => settle(upstream)).once('close', () => settle(undefined));
  });
}

async function helloMismatch(client: Socket, host: Host): Promise<DestinationReason | null> {
  const hello = await gatherHello(client);
  if (hello === undefined) return null; // gone, having said nothing
  if (hello.kind !== 'hello') return 'request_malformed';
  if (hello.serverName === null) return host.kind === 'address' ? null : 'sni_missing'; // TLS cannot name an address
  const named = canonicalHost(hello.serverName);
  return named.kind === 'name' && named.host === host.host ? null : 'sni_mismatch';
}

function gatherHello(client: Socket): Promise<Exclude<ClientHello, { kind: 'incomplete' }> | undefined> {
  return gather(client, (bytes) => {
    const hello = readClientHello(bytes);
    if (hello.kind !== 'incomplete') return { value: hello, used: 0 };
    return bytes.length > MAX_CLIENT_HELLO_BYTES ? { value: { kind: 'invalid' }, used: 0 } : undefined;
  });
}

function headStep(bytes: Uint8Array): SocksStep<Exclude<ReadHead, { kind: 'incomplete' }>> {
  const head = readRequestHead(bytes);
  if (head.kind === 'incomplete') return undefined;
  return { value: head, used: head.kind === 'request' ? head.headBytes : 0 };
}

/** Read until `step` has what it needs, for at most 5 s; what it did not use stays in the socket. Undefined: gone. */
function gather<T>(client: Socket, step: (bytes: Uint8Array) => SocksStep<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const taken: Buffer[] = [];
    const timer = setTimeout(() => client.destroy(), HEAD_MS);
    const settle = (value: T | undefined) => {
      clearTimeout(timer);
      client.off('readable', read).off('end', gone).off('close', gone);
      resolve(value);
    };
    const gone = () => {
      client.destroy(); // half open, it would stay for ever
      settle(undefined);
    };
    const read = () => {
      const chunk: Buffer | null = client.read();
      if (chunk === null) return;
      taken.push(chunk);
      const bytes = Buffer.concat(taken);
      const found = step(bytes);
      if (found === undefined) return;
      if (found.used < bytes.length) client.unshift(bytes.subarray(found.used));
      settle(found.value);
    };
    if (client.destroyed) return gone();
    client.on('readable', read).on('end', gone).on('close', gone);
    read();
  });
}

/** One request there, its answer back; whatever follows the request goes nowhere. */
function forward(door: Door, client: Socket, { upstream, destination }: Opened, { text, body }: RequestHead): void {
  const chunks = body.kind === 'chunked' ? followChunks() : undefined;
  let left = body.kind === 'length' ? body.bytes : 0;
  upstream.write(text, 'latin1');
  client.on('data', (bytes: Buffer) => {
    const taken = chunks === undefined ? Math.min(left, bytes.length) : chunks.take(bytes);
    if (taken === -1) {
      door.report({ ...destination, verdict: 'refused', reason: 'request_malformed' });
      client.destroy();
      return;
    }
    left -= taken;
    if (taken > 0 && !upstream.write(bytes.subarray(0, taken))) {
      client.pause();
      upstream.once('drain', () => client.resume());
    }
  });
  upstream.pipe(client);
  endTogether(client, upstream);
}

function splice(client: Socket, upstream: Socket): void {
  client.pipe(upstream);
  upstream.pipe(client);
  endTogether(client, upstream);
}

function endTogether(client: Socket, upstream: Socket): void {
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroySoon());
  if (client.destroyed || upstream.destroyed) {
    client.destroy();
    upstream.destroy();
  }
}

function refuse(door: Door, client: Socket, { destination }: Refusal, reply: Reply): void {
  door.report(destination);
  client.end(reply(destination));
  client.resume(); // bytes left unread would turn the answer into a reset
  setTimeout(() => client.destroy(), LINGER_MS).unref();
}

function refusal(host: string, port: number, reason: DestinationReason, address: string | null = null): Refusal {
  return { kind: 'refused', destination: { host: host.slice(0, 255), port, address, verdict: 'refused', reason } };
}

const CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n';

function httpReply({ host, port, verdict, reason }: Destination): Uint8Array {
  const status = verdict === 'failed' ? '502 Bad Gateway' : '403 Forbidden';
  const what = reason === 'request_malformed' ? 'the request' : destinationText({ host }, port);
  const text = `palyra: ${what} ${verdict}: ${reason}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
}

function socksReply(code: number): Uint8Array {
  return Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
}

/** A fatal alert, access_denied. Source: RFC 8446 section 6. */
function tlsReply(): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, 49);
}
