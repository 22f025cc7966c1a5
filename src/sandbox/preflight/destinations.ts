import { canonicalHost, type Host, type HostRules, matchDestination, parseAuthority } from '../hosts.ts';

/**
 * What an argument says about the network. `port: null`: none was written, or the usual one of ssh, and the tool's own
 * default is dialled;
 * `ambiguous`: two parsers may dial two different hosts.
 */
export type Reading =
  | { readonly kind: 'destination'; readonly at: Host; readonly port: number | null }
  | { readonly kind: 'ambiguous'; readonly why: string }
  | { readonly kind: 'none' };

/** A port that is written apart from its host; `unreadable`: a name, a range or no port at all. */
export type Port = number | 'unreadable';

export function readPort(text: string): Port {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65536 ? port : 'unreadable';
}

/** Every URL inside an argument, wherever it begins; `file:` names a path and no host. */
function readUrls(argument: string): Reading[] {
  return [...argument.matchAll(/([A-Za-z][A-Za-z0-9+.-]*):\/\/([^'"<>]*)/g)].flatMap(([, scheme = '', rest = '']) => {
    const plain = scheme.toLowerCase();
    return plain === 'file' || plain.endsWith('+file') ? [] : [readAuthority(rest, plain)];
  });
}

/** An operand of a tool that dials: a URL, a URL without scheme, or a bare host. */
export function readDialled(operand: string): Reading {
  if (/[\x00-\x20\x7f]/.test(operand)) return { kind: 'ambiguous', why: 'a blank or control character in an address' };
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(operand)) return readUrls(operand)[0] ?? { kind: 'none' };
  if (/^(https?|ftps?|wss?|ssh|git|file):/i.test(operand) && !/^[^:]+:\d+($|\/)/.test(operand)) {
    return { kind: 'ambiguous', why: 'a scheme without // is a host to some clients and a path to others' };
  }
  return readAuthority(operand, '');
}

/** `user@host:path` or `host:path` as scp, rsync and git read them; a slash before the colon makes it a file. */
export function readRemote(operand: string): Reading {
  if (operand.includes('://')) return readUrls(operand)[0] ?? { kind: 'none' };
  const match = /^(?:([^@:/\s]*)@)?(\[[^\]]*\]|[^:/\s[\]]+):/.exec(operand);
  if (match === null) return { kind: 'none' };
  return readAuthority(match[2] ?? '', '');
}

/**
 * What any argument of any tool may give away: a URL, `user@host:path`, an address, `name.tld:443`.
 * `main.rs:10` and `app:1.0` are not hosts.
 */
export function readAnywhere(argument: string): Reading[] {
  const urls = readUrls(argument);
  if (urls.length > 0 || argument.includes('://')) return urls;
  const value = argument.replace(/^-{1,2}[\w-]+=/, '');
  if (/^[^@:/\s]+@(\[[^\]]*\]|[^:/\s[\]]+):/.test(value)) return [readRemote(value)];
  if (/^\d{1,3}(\.\d{1,3}){3}(:\d+)?(\/|$)/.test(value)) return [readAuthority(value, '')];
  if (/^\[[0-9a-f:.]*:[0-9a-f:.]*\](:\d+)?(\/|$)/i.test(value)) return [readAuthority(value, '')];
  const named = /^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)\.?:(\d{1,5})(\/.*)?$/.exec(value);
  if (named === null || ((value.split(':')[0] ?? '') !== 'localhost' && !looksLikeHost(named[1] ?? ''))) return [];
  return [readAuthority(value, '')];
}

/**
 * Whether the rules name it. Where no port is written, a name may be allowed on any; an address only on the port that the
 * tool dials.
 */
export function isAllowed(rules: HostRules, at: Host, port: number | null, usual = 443): boolean {
  if (matchDestination(rules, at, port ?? usual).kind === 'allowed') return true;
  if (port !== null || at.kind !== 'name') return false;
  return rules.hosts.some((entry) => entry.host === at.host) || matchDestination(rules, at, 443).kind === 'allowed';
}

function readAuthority(text: string, scheme: string): Reading {
  const end = text.search(/[/?#]/);
  const authority = end === -1 ? text : text.slice(0, end);
  const rest = end === -1 ? '' : text.slice(end);
  if (/^[?#][^/]*@/.test(rest)) return { kind: 'ambiguous', why: 'an @ after ? or # is userinfo to some parsers' };
  const parts = authority.split('@');
  if (parts.length > 2) return { kind: 'ambiguous', why: 'more than one @ before the host' };
  const userinfo = parts.length === 2 ? (parts[0] ?? '') : '';
  if (!/^[A-Za-z0-9._~!$&'()*+,;=:%-]*$/.test(userinfo))
    return { kind: 'ambiguous', why: 'userinfo holds odd characters' };
  const written = parts.at(-1) ?? '';
  // an empty port is that of the scheme (WHATWG URL)
  const host = DEFAULT_PORTS[scheme] === undefined ? written : written.replace(/(?<=[^:]):$/, '');
  const read =
    host.startsWith('[') || host.split(':').length < 3
      ? parseAuthority(host.replace(/:0+(?=\d)/, ':'))
      : canonicalHost(host);
  if (read.kind === 'refused') return { kind: 'ambiguous', why: read.why };
  const own = 'port' in read && typeof read.port === 'number' ? read.port : null;
  const port = own === 22 && /^(git\+)?ssh(\+git)?$/.test(scheme) ? null : (own ?? DEFAULT_PORTS[scheme] ?? null);
  return { kind: 'destination', at: { kind: read.kind, host: read.host }, port };
}

function looksLikeHost(name: string): boolean {
  const last = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return name.includes('.') && /[a-z]/.test(last) && !FILE_EXTENSIONS.has(last);
}

// of the schemes that browsers and curl dial; ssh and the like are dialled as a tool does that is given no port
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  ftp: 21,
  ftps: 990,
  sftp: 22,
  scp: 22,
  tftp: 69,
  gopher: 70,
  gophers: 70,
  dict: 2628,
  telnet: 23,
  smtp: 25,
  smtps: 465,
  pop3: 110,
  pop3s: 995,
  imap: 143,
  imaps: 993,
  ldap: 389,
  ldaps: 636,
  mqtt: 1883,
  rtsp: 554,
  rtmp: 1935,
  smb: 445,
  smbs: 445,
};

// `file.ext:10` is a line of a file, as compilers and editors write it
const FILE_EXTENSIONS = new Set(
  'c h cc cpp cxx hpp cs rs go py pyi js jsx ts tsx mjs cjs mts cts java kt kts scala rb php pl pm lua sh bash zsh fish swift m mm r jl ex exs erl hs ml mli fs vb dart zig nim v sv vhd s asm sql md mdx rst txt log json jsonl yaml yml toml ini cfg conf xml html htm css scss sass less vue svelte astro tf proto graphql gradle cmake mk lock csv tsv diff patch env out'.split(
    ' ',
  ),
);
