import { PalyraError } from '../errors.ts';
import { countHostile } from '../text.ts';

/**
 * Where a client would connect to. `name`: LDH labels, lower case, punycode, no trailing dot. `address`: IPv4 in four
 * decimals, or IPv6 compressed and without brackets; an IPv4-mapped one is the IPv4 address, for that is what is dialled.
 */
export interface Host {
  readonly kind: 'name' | 'address';
  readonly host: string;
}

/** A text that names no host, or one that two parsers may read differently. */
export interface RefusedHost {
  readonly kind: 'refused';
  readonly why: string;
}

/** A host and the port written after it, if any. */
export interface Authority extends Host {
  readonly port: number | null;
}

/** One entry of the allow-list; `port: null` means 80 and 443. `loopback`: one service of this machine, by its port. */
export interface AllowedHost extends Authority {
  readonly loopback: boolean;
}

/** What may be reached: exact hosts, and every name below the suffixes (`example.org`, without the leading dot). */
export interface HostRules {
  readonly hosts: readonly AllowedHost[];
  readonly suffixes: readonly string[];
}

/** What became of an attempt to connect. `failed`: it was allowed, and DNS or the network said no. Texts are foreign. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** what was dialled, or the answer of DNS that was refused; null before there was one */
  readonly address: string | null;
  readonly verdict: 'allowed' | 'refused' | 'failed';
  readonly reason: DestinationReason;
}

export type DestinationReason =
  | 'listed'
  | 'address_literal' //       an address that is not listed as such
  | 'host_not_listed'
  | 'port_not_listed'
  | 'address_not_public' //    DNS answered with a private, reserved or own address
  | 'host_mismatch' //         a request through a tunnel to another host
  | 'sni_missing' //           TLS that does not say for whom
  | 'sni_mismatch' //          TLS for another host than was asked for
  | 'request_malformed'
  | 'too_many_connections'
  | 'name_not_resolved'
  | 'connection_failed';

/** What the list says of a destination; `loopback`: it is a service of this machine, and only that. */
export type Match =
  | { readonly kind: 'allowed'; readonly loopback: boolean }
  | { readonly kind: 'refused'; readonly reason: 'address_literal' | 'host_not_listed' | 'port_not_listed' };

/**
 * The host a client would dial, read once and the same everywhere. Source: WHATWG URL (decimal, octal and hexadecimal
 * addresses, IDNA), RFC 1123 labels. What parsers disagree about is refused, never guessed.
 */
export function canonicalHost(text: string): Host | RefusedHost {
  if (text.length > 1024) return refused('longer than any host name');
  if (AMBIGUOUS.test(text) || countHostile(text) > 0) return refused('holds a character that parsers read differently');
  const hostname = urlHostname(text.startsWith('[') || !text.includes(':') ? text : `[${text}]`);
  if (hostname === undefined) return refused('not a host name or address');
  const host = hostname.replace(/\.$/, '');
  if (host.startsWith('[')) return { kind: 'address', host: unmapped(host.slice(1, -1)) };
  if (IPV4.test(host)) return { kind: 'address', host };
  if (host.length > 253) return refused('longer than 253 bytes');
  if (!host.split('.').every((label) => LABEL.test(label))) return refused('labels are letters, digits and hyphens');
  return { kind: 'name', host };
}

/** `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; an IPv6 address without brackets is refused: its port is a guess. */
export function parseAuthority(text: string): Authority | RefusedHost {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([1-9][0-9]{0,4}))?$/s.exec(text);
  if (match === null) return refused('not host, host:port or [address]:port');
  const host = canonicalHost(match[1] ?? '');
  if (host.kind === 'refused') return host;
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && port > 65535) return refused('ports end at 65535');
  return { ...host, port };
}

/**
 * The allow-list, parsed once at the edge.
 * @param hosts `registry.example.org`, `example.org:8443`, `127.0.0.1:5432`, `[::1]:80`, `localhost:5432`
 * @param suffixes `.example.org` or `example.org`: the names below it, whole labels, not the name itself
 * @throws PalyraError usage.invalid; input.too_large over 256 of either
 */
export function parseHostRules(hosts: readonly string[], suffixes: readonly string[]): HostRules {
  if (hosts.length > MAX_ENTRIES || suffixes.length > MAX_ENTRIES) {
    throw new PalyraError('input.too_large', `more than ${MAX_ENTRIES} hosts or suffixes are allowed`, {
      hint: 'allow a suffix in place of its hosts',
    });
  }
  return { hosts: hosts.map(parseAllowedHost), suffixes: suffixes.map(parseSuffix) };
}

/** Whether the list names a destination. Addresses are reached only if listed as such, suffixes only on 80 and 443. */
export function matchDestination(rules: HostRules, destination: Host, port: number): Match {
  const entries = rules.hosts.filter((entry) => entry.kind === destination.kind && entry.host === destination.host);
  const entry = entries.find((candidate) => portAllowed(candidate.port, port));
  if (entry !== undefined) return { kind: 'allowed', loopback: entry.loopback };
  const below = destination.kind === 'name' && rules.suffixes.some((suffix) => destination.host.endsWith(`.${suffix}`));
  if (below && portAllowed(null, port)) return { kind: 'allowed', loopback: false };
  if (entries.length > 0 || below) return { kind: 'refused', reason: 'port_not_listed' };
  return { kind: 'refused', reason: destination.kind === 'address' ? 'address_literal' : 'host_not_listed' };
}

/**
 * Whether an address belongs to the internet at large. Sources: IANA special-purpose registries; the two addresses at
 * which Azure and Alibaba serve metadata. Whatever is not an address is not public.
 * @param own addresses of this machine, which may be public and yet must not be reached
 */
export function isPublicAddress(address: string, own: readonly string[] = []): boolean {
  const canonical = canonicalHost(address);
  if (canonical.kind !== 'address') return false;
  if (own.some((mine) => sameAddress(canonical, mine))) return false;
  const bits = addressBits(canonical.host);
  if (bits.length === 32) return !NOT_PUBLIC_V4.some((block) => bits.startsWith(block));
  return bits.startsWith(PUBLIC_V6) && !NOT_PUBLIC_V6.some((block) => bits.startsWith(block));
}

/** Whether a host can only be this machine: 127.0.0.0/8, ::1, and by RFC 6761 `localhost` and the names below it. */
export function isLoopback({ kind, host }: Host): boolean {
  if (kind === 'name') return host === 'localhost' || host.endsWith('.localhost');
  return host === '::1' || /^127\./.test(host);
}

/** The list as people write it. */
export function hostTexts({ hosts, suffixes }: HostRules): string[] {
  return [
    ...hosts.map((at) => (at.port === null ? at.host : destinationText(at, at.port))),
    ...suffixes.map((suffix) => `*.${suffix}`),
  ];
}

/** `host:port`, the way people write it. */
export function destinationText({ host }: Pick<Host, 'host'>, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What would let a destination through that the list does not name, if anything would. */
export function howToAllow(text: string): string {
  try {
    parseAllowedHost(text);
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    return `no option allows ${text}: ${error.why}`;
  }
  return `--allow-host ${text} asks an operator on a terminal; elsewhere it has to be among allowed_egress_hosts`;
}

const MAX_ENTRIES = 256;

function refused(why: string): RefusedHost {
  return { kind: 'refused', why };
}

// backslash and percent are decoded by some clients; @ / ? # end the host in some; blanks and globs are expanded by
// shells and curl; IDNA 2003 and 2008 map ß, ς and the joiners to different names
const AMBIGUOUS = /[\s\\%@/?#*{}<>^`|"'$&;,!()=~+ßẞς\u200c\u200d]/u;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function urlHostname(host: string): string | undefined {
  try {
    // a name in ASCII alone is passed on unread by newer Nodes, whatever its punycode says: beside another it is read
    if (host.toLowerCase().includes('xn--')) new URL(`http://ü.${host}/`);
    return new URL(`http://${host}/`).hostname;
  } catch {
    return undefined; // not a host: an answer here, not an error
  }
}

/** An IPv4-mapped IPv6 address (as URL writes it: `::ffff:102:304`) as the IPv4 address that the system would dial. */
function unmapped(ipv6: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ipv6);
  if (match === null) return ipv6;
  const bytes = [match[1], match[2]].flatMap((group) => {
    const pair = Number.parseInt(group ?? '', 16);
    return [pair >> 8, pair & 255];
  });
  return bytes.join('.');
}

function parseAllowedHost(text: string): AllowedHost {
  const authority = parseAuthority(text);
  if (authority.kind === 'refused') throw notAllowable('host', text, authority.why);
  const loopback = isLoopback(authority);
  if (loopback && authority.port === null) {
    throw notAllowable('host', text, 'a service of this machine is allowed by its port', `${text}:5432`);
  }
  if (authority.kind === 'address' && !loopback && !isPublicAddress(authority.host)) {
    throw notAllowable('host', text, 'private, link-local and reserved addresses are never reached');
  }
  return { ...authority, loopback };
}

function parseSuffix(text: string): string {
  const suffix = canonicalHost(text.replace(/^\./, ''));
  if (suffix.kind === 'refused') throw notAllowable('DNS suffix', text, suffix.why);
  if (suffix.kind === 'address') throw notAllowable('DNS suffix', text, 'an address has no names below it');
  if (!suffix.host.includes('.')) throw notAllowable('DNS suffix', text, 'a whole top-level domain is not a limit');
  if (isLoopback(suffix)) throw notAllowable('DNS suffix', text, 'a service of this machine is allowed by its port');
  return suffix.host;
}

function notAllowable(what: string, text: string, why: string, example = 'registry.example.org'): PalyraError {
  return new PalyraError('usage.invalid', `not a ${what} that can be allowed: ${text.slice(0, 80)}`, {
    why,
    hint: `name it like ${example}`,
  });
}

function portAllowed(listed: number | null, port: number): boolean {
  return listed === null ? port === 80 || port === 443 : port === listed;
}

function sameAddress(address: Host, other: string): boolean {
  const canonical = canonicalHost(other);
  return canonical.kind === 'address' && canonical.host === address.host;
}

/** The 32 or 128 bits of a canonical address, as a text of 0 and 1: a block is then a prefix. */
function addressBits(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((byte) => binary(Number(byte), 8))
      .join('');
  const [head = '', tail] = address.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right].map((group) => binary(group, 16)).join('');
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, '0');
}

function block(cidr: string): string {
  const [address = '', length] = cidr.split('/');
  return addressBits(address).slice(0, Number(length));
}

const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
  '100.100.100.200/32',
].map(block);
const PUBLIC_V6 = block('2000::/3');
const NOT_PUBLIC_V6 = ['2001::/32', '2001:db8::/32', '2002::/16'].map(block);
