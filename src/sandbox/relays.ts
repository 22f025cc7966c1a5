import { type AllowedHost, type HostRules, isLoopback } from './hosts.ts';

/** A socket of the proxy that leads to one service, whatever it speaks. */
export interface Service {
  readonly socket: string;
  readonly host: string;
  readonly port: number;
}

/** An address and port inside the sandbox's network, and the socket of the proxy that it leads to. */
export interface Relay {
  readonly address: string;
  readonly port: number;
  readonly socket: string;
}

/** How a sandbox with allowed hosts reaches the proxy. The sockets are names in a folder that is known at run time. */
export interface RelayPlan {
  readonly relays: readonly Relay[];
  readonly services: readonly Service[];
  /** the text of /etc/hosts */
  readonly hostsFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What carries bytes from the sandbox's network to the proxy: perl starts in 3 ms, Node in 40 and is always there. */
export type Carrier =
  | { readonly kind: 'perl'; readonly perl: string; readonly arch: 'x64' | 'arm64' }
  | { readonly kind: 'node'; readonly node: string; readonly sh: string; readonly setpriv: string };

/** The socket at which the proxy tells HTTP, SOCKS and TLS apart. */
export const DOOR_SOCKET = 'door';
/** The socket whose end ends the relays: when palyra closes it or dies. */
export const LIFELINE_SOCKET = 'lifeline';

/**
 * Which relays a list needs. Clients that honour proxy variables come to one address for everything; for those that do
 * not, each exact name gets an address of 127.1.0.0/16, where 80 and 443 lead to the door (Host and SNI say the name)
 * and any other port to a socket of its own. A loopback service appears where it is on the host.
 */
export function planRelays({ hosts }: HostRules): RelayPlan {
  const names = [...new Set(hosts.filter(hasStandIn).map(({ host }) => host))];
  const standIns = new Map(names.map((name, i) => [name, `127.1.${(i + 2) >> 8}.${(i + 2) & 255}`]));
  const relays = new Map<string, Relay>();
  const services: Service[] = [];
  const add = (address: string, port: number, socket: string) => {
    const key = `${address} ${port}`;
    if (relays.has(key)) return false;
    relays.set(key, { address, port, socket });
    return true;
  };
  add(PROXY.address, PROXY.port, DOOR_SOCKET);
  for (const { host, port, kind, loopback } of hosts) {
    const address = standIns.get(host) ?? (loopback ? (kind === 'address' ? host : '127.0.0.1') : undefined);
    if (address === undefined) continue; // a public address cannot be stood in for: it is reached through the proxy
    for (const listed of port === null ? [80, 443] : [port]) {
      const socket = !loopback && (listed === 80 || listed === 443) ? DOOR_SOCKET : `service-${services.length}`;
      if (add(address, listed, socket) && socket !== DOOR_SOCKET) services.push({ socket, host, port: listed });
    }
  }
  return { relays: [...relays.values()], services, hostsFile: hostsFile(standIns, hosts), environment: environment() };
}

/**
 * The command that makes a network of its own with nothing but the relays in it, and runs `inner` there once they
 * listen. The whole file system and the user ids stay what they are: `inner` is the sandbox. It starts without
 * capabilities and with an empty environment; descriptors 3 to 9 pass through to it, and to it alone.
 * @param directory the folder of the proxy's sockets; the proxy must be listening
 */
export function wrapWithRelays(
  { bwrap, carrier }: { readonly bwrap: string; readonly carrier: Carrier },
  { relays }: RelayPlan,
  directory: string,
  inner: readonly string[],
): string[] {
  const network = ['--unshare-user', '--unshare-net', '--cap-add', 'CAP_NET_BIND_SERVICE', '--die-with-parent'];
  // relays run outside of the sandbox: nothing that names a library or a module for them may come in
  const outer = [bwrap, ...network, '--clearenv', '--dev-bind', '/', '/', '--'];
  if (carrier.kind === 'perl') {
    const words = relays.map((relay) => `${socketAddress(relay)}=${relay.socket}`);
    return [...outer, carrier.perl, '-e', PERL_RELAYS, PRCTL[carrier.arch], directory, ...words, '--', ...inner];
  }
  const { node, sh, setpriv } = carrier;
  const order = JSON.stringify({ directory, lifeline: LIFELINE_SOCKET, relays });
  return [...outer, sh, '-c', SH_LAUNCHER, 'sh', node, NODE_RELAYS, order, setpriv, ...inner];
}

const PROXY = { address: '127.1.0.1', port: 3128 };

function hasStandIn({ kind, loopback }: AllowedHost): boolean {
  return kind === 'name' && !loopback;
}

function hostsFile(standIns: ReadonlyMap<string, string>, hosts: readonly AllowedHost[]): string {
  const loopback = hosts.filter((entry) => entry.kind === 'name' && isLoopback(entry)).map(({ host }) => host);
  const here = [...new Set(['localhost', ...loopback])];
  const lines = [`127.0.0.1 ${here.join(' ')}`, '::1 localhost', ...[...standIns].map(([name, ip]) => `${ip} ${name}`)];
  return `${lines.join('\n')}\n`;
}

/** ALL_PROXY too names the HTTP door, not SOCKS: clients without a SOCKS library would fail on everything. */
function environment(): Record<string, string> {
  const url = `http://${PROXY.address}:${PROXY.port}`;
  const variables = { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: 'localhost,127.0.0.1,::1' };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([k, v]) => [
      [k, v],
      [k.toLowerCase(), v],
    ]),
  );
}

/** A struct sockaddr_in or sockaddr_in6 in hexadecimal, as the kernels of x64 and arm64 read it. */
function socketAddress({ address, port }: Relay): string {
  const portHex = port.toString(16).padStart(4, '0');
  if (address.includes(':')) return `0a00${portHex}00000000${'1'.padStart(32, '0')}00000000`; // ::1 is the only one
  const addressHex = address
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('');
  return `0200${portHex}${addressHex}${'0'.repeat(16)}`;
}

// the number of prctl(2)
const PRCTL = { x64: '157', arm64: '167' } as const;

// Socket.pm, POSIX.pm and Fcntl.pm would take twice the time of everything else, hence numbers:
// AF_UNIX and SOCK_STREAM 1, SOL_SOCKET 1, SO_REUSEADDR 2, F_SETFL 4, O_NONBLOCK 2048, EAGAIN 11, PR_CAP_AMBIENT 47, its CLEAR_ALL 4
const PERL_RELAYS = `
my ($prctl, $directory, @words) = @ARGV;
sub leads_to {
  socket(my $socket, 1, 1, 0) or return;
  return connect($socket, pack('S Z108', 1, "$directory/$_[0]")) ? $socket : undef;
}
my $lifeline = leads_to('${LIFELINE_SOCKET}') or die "palyra: relays: no proxy: $!\\n";
my %relay;
while ((my $word = shift @words) ne '--') {
  my ($hex, $name) = split /=/, $word;
  my $address = pack 'H*', $hex;
  my $socket;
  socket($socket, unpack('S', $address), 1, 0) && setsockopt($socket, 1, 2, pack('i', 1))
    && bind($socket, $address) && listen($socket, 512) || die "palyra: relays: $name: $!\\n";
  $relay{fileno $socket} = [$socket, $name];
}
defined(my $pid = fork) or die "palyra: relays: $!\\n";
if ($pid) {
  syscall($prctl, 47, 4, 0, 0, 0);
  exec { $words[0] } @words;
  die "palyra: $words[0]: $!\\n";
}
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM PIPE);
open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
for (grep { $_ != fileno $lifeline && !$relay{$_} } 3 .. 9) { open(my $theirs, '<&=', $_) && close $theirs }
my %end; # by descriptor: [its socket, the descriptor of the other end, bytes to write to it, it will say no more]
sub hang_up { my $other = $end{$_[0]}[1]; close $_->[0] for grep { $_ } delete @end{$_[0], $other} }
sub pass_on { my $end = $end{$_[0]}; shutdown $end->[0], 1 if $end->[2] eq '' && $end{$end->[1]}[3] }
while (1) {
  my ($read, $write) = ('', '');
  vec($read, fileno $lifeline, 1) = 1;
  if (keys %end < 1024) { vec($read, $_, 1) = 1 for keys %relay }
  for my $fd (keys %end) {
    vec($write, $fd, 1) = 1 if $end{$fd}[2] ne '';
    vec($read, $fd, 1) = 1 if !$end{$fd}[3] && $end{$end{$fd}[1]}[2] eq '';
  }
  select($read, $write, undef, undef) > 0 or next;
  exit if vec($read, fileno $lifeline, 1);
  for my $fd (keys %end) {
    $end{$fd} or next;
    if (vec($write, $fd, 1)) {
      my $written = syswrite $end{$fd}[0], $end{$fd}[2];
      if (defined $written) { substr($end{$fd}[2], 0, $written) = ''; pass_on($fd) }
      elsif ($! != 11) { hang_up($fd); next }
    }
    if (vec($read, $fd, 1)) {
      my $other = $end{$fd}[1];
      my $got = sysread $end{$fd}[0], $end{$other}[2], 65536;
      if (!defined $got) { hang_up($fd) unless $! == 11; next }
      if ($got == 0) { $end{$fd}[3] = 1; pass_on($other) }
    }
    hang_up($fd) if $end{$fd}[3] && $end{$end{$fd}[1]}[3] && $end{$fd}[2] eq '' && $end{$end{$fd}[1]}[2] eq '';
  }
  for (grep { vec($read, $_, 1) } keys %relay) {
    accept(my $client, $relay{$_}[0]) or next;
    my $proxy = leads_to($relay{$_}[1]) or next;
    fcntl $_, 4, 2048 for $client, $proxy;
    $end{fileno $client} = [$client, fileno $proxy, '', 0];
    $end{fileno $proxy} = [$proxy, fileno $client, '', 0];
  }
}
`;

const NODE_RELAYS = `
const net = require('node:net');
const fs = require('node:fs');
const { directory, lifeline, relays } = JSON.parse(process.argv[1]);
for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM']) process.on(signal, () => {});
net.connect(directory + '/' + lifeline).on('close', () => process.exit()).on('error', () => {}).resume();
let waiting = relays.length;
for (const { address, port, socket } of relays) {
  net.createServer({ allowHalfOpen: true }, (client) => {
    const proxy = net.connect({ path: directory + '/' + socket, allowHalfOpen: true });
    client.pipe(proxy).pipe(client);
    client.on('error', () => {}).on('close', () => proxy.destroy());
    proxy.on('error', () => {}).on('close', () => client.destroy());
  }).listen(port, address, 512, () => {
    if (--waiting > 0) return;
    fs.writeSync(1, 'ready');
    fs.closeSync(1);
    fs.openSync('/dev/null', 'w'); // becomes 1 again: libuv takes no socket for a stream of the process
  });
}
`;

// the substitution ends when the relays close their output: they listen, or are no more
const SH_LAUNCHER = `
node=$1 program=$2 order=$3 setpriv=$4
shift 4
ready=$("$node" -e "$program" "$order" </dev/null 2>/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &)
[ "$ready" = ready ] || { echo 'palyra: relays: did not start' >&2; exit 1; }
exec "$setpriv" --ambient-caps -all --inh-caps -all -- "$@"
`;
