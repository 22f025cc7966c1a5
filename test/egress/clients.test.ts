import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { type Carrier, planRelays, wrapWithRelays } from '../../src/sandbox/relays.ts';
import { type Lab, type LabProxy, openLab, type Ran, run } from './lab.ts';

const HOSTS = [
  'allowed.example',
  'registry.example',
  'private.example',
  'db.example:5432',
  '127.0.0.1:5432',
  '[::1]:9000',
];
const PERL: Carrier = { kind: 'perl', perl: '/usr/bin/perl', arch: process.arch === 'arm64' ? 'arm64' : 'x64' };
const NODE: Carrier = { kind: 'node', node: process.execPath, sh: '/bin/sh', setpriv: '/usr/bin/setpriv' };
const plan = planRelays(parseHostRules(HOSTS, ['.suffix.example']));
const NOBODY = process.getuid?.() === 0 ? 65534 : undefined;

const environment = {
  ...plan.environment,
  PATH: '/usr/bin:/bin',
  HOME: '/desk',
  CURL_CA_BUNDLE: '/etc/ca.pem',
  GIT_SSL_CAINFO: '/etc/ca.pem',
  NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
  SSL_CERT_FILE: '/etc/ca.pem',
  npm_config_cafile: '/etc/ca.pem',
  npm_config_registry: 'https://registry.example/files/npm/',
};

let lab: Lab;
let proxy: LabProxy;
let workspace: string;

beforeAll(async () => {
  lab = await openLab();
  const owner = NOBODY === undefined ? undefined : { uid: NOBODY, gid: NOBODY };
  proxy = await lab.startProxy(HOSTS, ['.suffix.example'], owner);
  workspace = mkdtempSync(join(lab.folder, 'workspace-'));
  if (NOBODY !== undefined) chownSync(workspace, NOBODY, NOBODY);
  writeFileSync(join(lab.folder, 'hosts'), plan.hostsFile);
  publishRepository(join(lab.folder, 'files'));
  publishPackage(join(lab.folder, 'files'));
});
afterAll(async () => {
  await proxy?.stop();
  lab?.close();
});

/** A sandbox made by hand around a command, as it will be for every strict execution with allowed hosts. */
function sandboxed(command: readonly string[], carrier: Carrier = PERL, from: LabProxy = proxy): Promise<Ran> {
  const inner = [
    ...['/usr/bin/bwrap', '--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...['--disable-userns', '--cap-drop', 'ALL', '--die-with-parent', '--new-session'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib'],
    ...['--symlink', 'usr/lib64', '/lib64', '--ro-bind', join(lab.folder, 'hosts'), '/etc/hosts'],
    ...['--ro-bind', join(lab.folder, 'ca.pem'), '/etc/ca.pem', '--ro-bind-try', '/etc/ssl', '/etc/ssl'],
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--bind', workspace, '/desk', '--chdir', '/desk', '--'],
  ];
  const argv = wrapWithRelays({ bwrap: '/usr/bin/bwrap', carrier }, plan, from.directory, [...inner, ...command]);
  const asNobody =
    NOBODY === undefined ? [] : ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
  return run([...lab.onHost, ...asNobody, ...argv]);
}

function publishRepository(files: string): void {
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@a', ...args]);
  const work = join(files, 'work');
  git('init', '--quiet', work);
  writeFileSync(join(work, 'README'), 'from afar\n');
  git('-C', work, 'add', 'README');
  git('-C', work, 'commit', '--quiet', '-m', 'first');
  git('clone', '--quiet', '--bare', work, join(files, 'repository.git'));
  git('-C', join(files, 'repository.git'), 'update-server-info');
}

function publishPackage(files: string): void {
  mkdirSync(join(files, 'package'));
  mkdirSync(join(files, 'npm'));
  writeFileSync(join(files, 'package', 'package.json'), JSON.stringify({ name: 'tiny', version: '1.2.3' }));
  execFileSync('tar', ['czf', join(files, 'tiny.tgz'), '-C', files, 'package']);
  const integrity = `sha512-${createHash('sha512')
    .update(readFileSync(join(files, 'tiny.tgz')))
    .digest('base64')}`;
  const dist = { tarball: 'https://registry.example/files/tiny.tgz', integrity };
  const versions = { '1.2.3': { name: 'tiny', version: '1.2.3', dist } };
  writeFileSync(
    join(files, 'npm', 'tiny'),
    JSON.stringify({ name: 'tiny', 'dist-tags': { latest: '1.2.3' }, versions }),
  );
}

const curl = (...args: string[]) => ['curl', '--silent', '--show-error', '--fail', '--max-time', '8', ...args];
const fetch = (url: string) => ['node', '-e', `fetch(${JSON.stringify(url)}).then((r) => r.text()).then(console.log)`];
const urllib = (url: string) => [
  '/usr/bin/python3',
  '-c',
  `import urllib.request as u; print(u.urlopen("${url}").read())`,
];

describe.each([
  ['perl', PERL],
  ['node', NODE],
])('with relays by %s', (_name, carrier) => {
  test('curl reaches an allowed host with and without its proxy', async () => {
    for (const args of [[], ['--noproxy', '*']]) {
      for (const url of ['http://allowed.example/', 'https://allowed.example/']) {
        const { stdout, stderr } = await sandboxed(curl(...args, url), carrier);
        expect({ stderr, served: JSON.parse(stdout).served }).toEqual({ stderr: '', served: '93.184.216.34' });
      }
    }
  });

  test('a command starts with no capability, no descriptor and no signal of the relays', async () => {
    const look = ['sh', '-c', 'grep -E "^(CapEff|CapPrm|CapAmb|SigIgn)" /proc/self/status; ls /proc/self/fd; env'];
    const { stdout } = await sandboxed(look, carrier);
    const [, before = ''] = (await run(look)).stdout.split(/CapAmb.*\n/); // whoever runs the tests may leak some
    const descriptors = before.match(/^\d+$/gm) ?? [];
    expect(stdout.match(/^(Cap|Sig).*/gm)).toEqual([
      'SigIgn:\t0000000000000000',
      'CapPrm:\t0000000000000000',
      'CapEff:\t0000000000000000',
      'CapAmb:\t0000000000000000',
    ]);
    expect(stdout.match(/^\d+$/gm)).toEqual(descriptors);
    expect(
      stdout
        .match(/^\w+(?==)/gm)
        ?.filter((name) => name !== 'PWD')
        .sort(),
    ).toEqual(Object.keys(environment).sort());
  });

  test('the exit code is that of the command', async () => {
    expect((await sandboxed(['sh', '-c', 'exit 7'], carrier)).code).toBe(7);
  });

  test('the first instruction of the command already finds every relay', async () => {
    const { stdout } = await sandboxed(['grep', ' 0A ', '/proc/net/tcp', '/proc/net/tcp6'], carrier);
    expect(stdout.trim().split('\n')).toHaveLength(plan.relays.length);
  });

  test('many bytes arrive as they were sent, both ways', async () => {
    writeFileSync(join(workspace, 'big'), 'x'.repeat(3_000_000));
    const { stdout } = await sandboxed(
      curl('--max-time', '60', '--noproxy', '*', '--data-binary', '@big', 'https://allowed.example/'),
      carrier,
    );
    expect(JSON.parse(stdout).body).toHaveLength(3_000_000);
  });

  test('a closed proxy ends the relays, and with them nothing remains', async () => {
    const other = await lab.startProxy(HOSTS, [], NOBODY === undefined ? undefined : { uid: NOBODY, gid: NOBODY });
    await sandboxed(['true'], carrier, other);
    await other.stop();
    await vi.waitFor(() => expect(commandLines().filter((line) => line.includes(other.directory))).toEqual([]));
  });
});

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
      } catch {
        return ''; // it has ended meanwhile
      }
    });
}

describe('clients', () => {
  test('git clones over https', async () => {
    const { stderr, code } = await sandboxed([
      'git',
      'clone',
      '--quiet',
      'https://allowed.example/files/repository.git',
      'clone',
    ]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(readFileSync(join(workspace, 'clone', 'README'), 'utf8')).toBe('from afar\n');
  });

  test('npm views and installs', async () => {
    expect((await sandboxed(['npm', 'view', 'tiny', 'version'])).stdout).toBe('1.2.3\n');
    const { stderr, code } = await sandboxed([
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      'tiny',
    ]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(readdirSync(join(workspace, 'node_modules'))).toContain('tiny');
  });

  test.each([
    ['fetch of Node', fetch],
    ['urllib of Python', urllib],
  ])('%s reaches an allowed host and no other', async (_name, get) => {
    for (const scheme of ['http', 'https']) {
      expect((await sandboxed(get(`${scheme}://allowed.example/`))).stdout).toContain('93.184.216.34');
      const refused = await sandboxed(get(`${scheme}://evil.example/`));
      expect({ stdout: refused.stdout, code: refused.code }).toEqual({ stdout: '', code: 1 });
    }
  });

  test('SOCKS 5 and names below a suffix', async () => {
    const { stdout } = await sandboxed(
      curl('--noproxy', '', '--proxy', 'socks5h://127.1.0.1:3128', 'https://a.suffix.example/'),
    );
    expect(JSON.parse(stdout)).toMatchObject({ served: '93.184.216.34', sni: 'a.suffix.example' });
  });

  test('services on listed ports, of the internet and of this machine', async () => {
    const first = (host: string) => `import socket; print(socket.create_connection(("${host}", 5432)).recv(99))`;
    const answers = await Promise.all(
      ['db.example', '127.0.0.1'].map((host) => sandboxed(['/usr/bin/python3', '-c', first(host)])),
    );
    expect(answers.map(({ stdout }) => stdout)).toEqual(["b'hello from internet\\n'\n", "b'hello from host\\n'\n"]);
  });
});

describe('nothing else is reached', () => {
  test.each([
    ['a host that is not listed', curl('http://evil.example/')],
    ['the same without the proxy', curl('--noproxy', '*', 'http://evil.example/')],
    ['a name with a private address', curl('https://private.example/')],
    ['the same without the proxy', curl('--noproxy', '*', 'http://private.example/')],
    ['an address', curl('--noproxy', '*', 'http://93.184.216.34/')],
    ['an address through the proxy', curl('http://93.184.216.66/')],
    ['metadata', curl('http://169.254.169.254/')],
    ['metadata without the proxy', curl('--noproxy', '*', 'http://169.254.169.254/')],
    ['DNS', ['/usr/bin/python3', '-c', 'import socket; socket.create_connection(("93.184.0.53", 53), 5)']],
    [
      'a service of the host',
      ['/usr/bin/python3', '-c', 'import socket; socket.create_connection(("127.0.0.1", 9000), 5)'],
    ],
    [
      'another name at the address that stands for a host',
      curl('--noproxy', '*', '--resolve', 'evil.example:443:127.1.0.2', 'https://evil.example/'),
    ],
    ['another name in Host', curl('--noproxy', '*', '-H', 'Host: evil.example', 'http://allowed.example/')],
    [
      'another name in Host through a tunnel',
      curl('--proxytunnel', '-H', 'Host: evil.example', 'http://allowed.example/'),
    ],
    [
      'another name in SNI',
      curl('-k', '--connect-to', 'other.example:443:allowed.example:443', 'https://other.example/'),
    ],
    ['the sockets of the proxy', ['sh', '-c', 'ls /tmp/palyra* /tmp/palyra-lab*']],
    ['git', ['git', 'clone', '--quiet', 'https://evil.example/files/repository.git', 'evil']],
    ['npm', ['npm', 'view', '--fetch-retries=0', '--registry=https://evil.example/', 'tiny']],
  ])('%s', async (_name, command) => {
    const { code, stdout } = await sandboxed(command);
    expect(stdout).not.toContain('served');
    expect(code).not.toBe(0);
  });

  test('every destination, allowed or refused, was reported', () => {
    const seen = proxy.destinations().map(({ host, port, verdict, reason }) => `${host}:${port} ${verdict} ${reason}`);
    expect([...new Set(seen)].sort()).toMatchInlineSnapshot(`
      [
        "127.0.0.1:5432 allowed listed",
        "169.254.169.254:80 refused address_literal",
        "93.184.216.66:80 refused address_literal",
        "a.suffix.example:443 allowed listed",
        "allowed.example:443 allowed listed",
        "allowed.example:443 refused sni_mismatch",
        "allowed.example:80 allowed listed",
        "db.example:5432 allowed listed",
        "evil.example:443 refused host_not_listed",
        "evil.example:80 refused host_mismatch",
        "evil.example:80 refused host_not_listed",
        "private.example:443 refused address_not_public",
        "private.example:80 refused address_not_public",
        "registry.example:443 allowed listed",
      ]
    `);
  });
});

test('when palyra dies, so does everything that it started', async () => {
  const doomed = await lab.startProxy(HOSTS, [], NOBODY === undefined ? undefined : { uid: NOBODY, gid: NOBODY });
  const running = sandboxed(['sleep', '1000'], PERL, doomed);
  const relays = () => commandLines().filter((line) => line.includes(doomed.directory));
  await vi.waitFor(() => expect(relays()).not.toEqual([]));
  process.kill(doomed.pid, 'SIGKILL');
  await vi.waitFor(() => expect(relays().filter((line) => !line.includes('bwrap\0--unshare'))).toEqual([]));
  void running;
});
