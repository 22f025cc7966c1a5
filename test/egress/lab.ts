import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { Destination } from '../../src/sandbox/hosts.ts';
import { COVERAGE } from '../palyra.ts';

/** What DNS says, time after time: a name that answers twice is one that rebinds. */
const NAMES: Record<string, string[][]> = {
  'allowed.example': [['93.184.216.34']],
  'six.example': [['2606:2800:220:1::34']],
  'registry.example': [['93.184.216.34']],
  'other.example': [['93.184.216.34']],
  'evil.example': [['93.184.216.66']],
  'a.suffix.example': [['93.184.216.34']],
  'db.example': [['93.184.216.34']],
  'private.example': [['10.0.0.5']],
  'private6.example': [['fd00::5']],
  'mapped.example': [['::ffff:a9fe:a9fe']],
  'nat64.example': [['64:ff9b::a9fe:a9fe']],
  'metadata.example': [['169.254.169.254']],
  'shared.example': [['100.64.0.1']],
  'mixed.example': [['93.184.216.34', '10.0.0.5']],
  'mixed6.example': [['93.184.216.34', 'fd00::5']],
  'loopback.example': [['127.0.0.1']],
  'own.example': [['93.184.100.1']],
  'rebind.example': [['93.184.216.34'], ['10.0.0.5']],
  'silent.example': [['93.184.216.77']],
};
const INTERNET = ['93.184.0.53', '93.184.216.34', '93.184.216.66', '10.0.0.5', '169.254.169.254', '100.64.0.1'];
const INTERNET_V6 = ['2606:2800:220:1::34', 'fd00::5'];

export interface LabProxy {
  readonly directory: string;
  readonly pid: number;
  /** what was reported so far; asked after the client has seen the end of its connection */
  readonly destinations: () => Destination[];
  readonly stop: () => Promise<void>;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab {
  readonly folder: string;
  /** the words before a command that runs it in the host's network of the lab */
  readonly onHost: readonly string[];
  readonly startProxy: (
    hosts: string[],
    suffixes?: string[],
    owner?: { uid: number; gid: number },
  ) => Promise<LabProxy>;
  readonly close: () => void;
}

/**
 * Two networks: a host, and the internet with web servers, DNS, private addresses and a metadata service. Nothing of it
 * can reach the real network. Needs root or user namespaces, iproute2 and openssl.
 */
export async function openLab(): Promise<Lab> {
  const folder = mkdtempSync('/tmp/palyra-lab-');
  execFileSync('chmod', ['755', folder]);
  writeFileSync(join(folder, 'names.json'), JSON.stringify(NAMES));
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 93.184.0.53\n');
  makeCertificates(folder);
  mkdirSync(join(folder, 'files'));
  // test/coverage.mjs: there it is found, beside its source map
  const maps = process.env.PALYRA_COVERAGE_MAPS;
  const proxyProgram = join(maps ?? folder, `proxy-${process.pid}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, 'proxy.ts')],
    outfile: proxyProgram,
    sourcemap: maps === undefined ? false : 'external',
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  const root = process.getuid?.() === 0;
  const script = setUp(folder);
  const host = spawn(
    'unshare',
    [...(root ? [] : ['--user', '--map-root-user']), '--net', '--mount', 'sh', '-c', script],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await firstLine(host);
  const onHost = ['nsenter', '-t', `${host.pid}`, '-n', '-m', ...(root ? [] : ['-U', '--preserve-credentials']), '--'];
  const close = () => {
    host.stdin?.end();
    rmSync(folder, { recursive: true, force: true });
  };
  const startProxy: Lab['startProxy'] = async (hosts, suffixes = [], owner) => {
    const order = JSON.stringify({ hosts, suffixes, parent: folder, owner });
    const child = spawn(onHost[0] ?? '', [...onHost.slice(1), process.execPath, proxyProgram, order], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...COVERAGE },
    });
    return proxyOf(child);
  };
  return { folder, onHost, startProxy, close };
}

/** Run a command to its end. */
export function run(argv: readonly string[], { input = '', uid }: { input?: string; uid?: number } = {}): Promise<Ran> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, uid === undefined ? {} : { uid, gid: uid });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}).end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Say something at a socket of the proxy, and hear all that comes back until it ends. */
export function say(path: string, ...words: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    const socket = connect(path);
    for (const word of words) socket.write(typeof word === 'string' ? Buffer.from(word, 'latin1') : word);
    socket.on('data', (bytes) => heard.push(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(heard).toString('latin1')));
  });
}

function makeCertificates(folder: string): void {
  const names = Object.keys(NAMES).map((name) => `DNS:${name}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=lab');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=allowed.example');
  writeFileSync(join(folder, 'names.ext'), `subjectAltName=${names.join(',')},IP:93.184.216.34\n`);
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names.ext', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
}

function setUp(folder: string): string {
  const servers = `'${process.execPath}' '${join(import.meta.dirname, 'internet.mjs')}'`;
  const inside = [
    'ip link set lo up',
    'ip link set eth0 up',
    'ip addr add 93.184.100.254/24 dev eth0',
    'ip -6 addr add 2606:2800:100::fe/64 dev eth0 nodad',
    ...INTERNET.map((address) => `ip addr add ${address}/32 dev lo`),
    ...INTERNET_V6.map((address) => `ip -6 addr add ${address}/128 dev lo nodad`),
    'ip route add blackhole 93.184.216.77',
  ];
  return `set -e
    mount --make-rprivate /
    mount --bind '${join(folder, 'resolv.conf')}' /etc/resolv.conf
    ip link set lo up
    unshare --net sleep infinity & internet=$!
    while [ "$(readlink /proc/$internet/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add eth0 type veth peer name eth0 netns $internet
    nsenter -t $internet -n sh -ec '${inside.join(';')}'
    ip link set eth0 up
    ip addr add 93.184.100.1/24 dev eth0
    ip -6 addr add 2606:2800:100::1/64 dev eth0 nodad
    ip route add default via 93.184.100.254
    ip -6 route add default via 2606:2800:100::fe
    nsenter -t $internet -n ${servers} internet '${folder}' & servers=$!
    ${servers} host '${folder}' & host=$!
    until curl -sf http://10.0.0.5/ http://93.184.100.1/; do sleep 0.05; done >/dev/null
    echo ready
    cat >/dev/null || true
    kill $internet $servers $host`;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the lab ended with ${code} before it was ready`)));
    if (child.stdout !== null) createInterface(child.stdout).once('line', resolve);
  });
}

async function proxyOf(child: ChildProcess): Promise<LabProxy> {
  const heard: Destination[] = [];
  const directory = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the proxy ended with ${code}`)));
    if (child.stdout === null) return;
    createInterface(child.stdout).on('line', (line) => {
      const value = JSON.parse(line);
      if ('directory' in value) resolve(value.directory);
      else heard.push(value);
    });
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = () => {
    child.stdin?.end();
    return ended;
  };
  return { directory, pid: child.pid ?? 0, destinations: () => heard, stop };
}
