import { describe, expect, test } from 'vitest';
import { bubblewrapArguments, environmentScript, gatedCommand } from '../../src/sandbox/bubblewrap-arguments.ts';
import { describePlan } from '../../src/sandbox/describe-plan.ts';
import { notRun } from '../../src/sandbox/execution.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { DEFAULT_LIMITS, UNBOUNDED } from '../../src/sandbox/limits.ts';
import type { Machine, Workspace } from '../../src/sandbox/machine.ts';
import { obstaclesOf } from '../../src/sandbox/obstacles.ts';
import { type Plan, planRun, planSha256, type RunRequest } from '../../src/sandbox/plan.ts';
import { seatbeltProfile } from '../../src/sandbox/seatbelt.ts';

const MACHINE: Machine = {
  platform: 'linux',
  architecture: 'x64',
  uid: 1000,
  gid: 1000,
  programs: {
    bwrap: '/usr/bin/bwrap',
    prlimit: '/usr/bin/prlimit',
    perl: '/usr/bin/perl',
    setpriv: null,
    node: '/usr/bin/node',
    sandboxExec: null,
  },
  seccomp: true,
  landlockAbi: 0,
  cgroup: null,
  hardLimits: UNBOUNDED,
  systemPaths: [
    { path: '/usr', kind: 'folder' },
    { path: '/bin', kind: 'link', target: 'usr/bin' },
  ],
};
const WORKSPACE: Workspace = {
  path: '/srv/demo',
  realpath: '/srv/demo',
  uid: 1000,
  gid: 1000,
  protectedPaths: [
    { path: '.git/config', kind: 'file' },
    { path: '.envrc', kind: 'link', target: 'x' },
  ],
};
const REQUEST: RunRequest = {
  argv: ['git', 'status'],
  tier: 'c',
  egress: 'strict',
  hosts: parseHostRules([], []),
  workspace: WORKSPACE,
  cwd: '/srv/demo',
  environment: { PATH: '/usr/bin', HOME: '/srv/demo' },
  limits: DEFAULT_LIMITS,
  stdin: 'null',
  tty: false,
  allowRoot: false,
  hidden: [
    { path: '/srv/demo/.palyra', kind: 'folder' },
    { path: '/home/ann/.config/palyra/palyra.toml', kind: 'file' },
  ],
  homes: ['/srv/people/ann'],
  searchFolders: ['/srv/bin', '/srv/go/bin', '/srv/web/node_modules/.bin', '/srv/py/venv/bin', '/srv/people/ann'],
};

const BUILDS = '/var/lib/jenkins/workspace/job';

function plan(request: Partial<RunRequest> = {}, machine: Partial<Machine> = {}): Plan {
  const planned = planRun({ ...REQUEST, ...request }, { ...MACHINE, ...machine });
  if (!planned.ok) throw new Error(planned.message);
  return planned.plan;
}

test('no limit is above what palyra itself may ask of the kernel', () => {
  const { limits } = plan({}, { hardLimits: { ...UNBOUNDED, maxOpenFiles: 512, maxProcesses: 4096 } });
  expect(limits).toEqual({ ...DEFAULT_LIMITS, maxOpenFiles: 512 });
});

describe('what cannot be enforced is refused', () => {
  const cases: readonly (readonly [string, Partial<RunRequest>, Partial<Machine>, string, string])[] = [
    ['b with strict', { tier: 'b' }, {}, 'refused', 'sandbox.tier_b_strict'],
    [
      'b with strict and hosts, even with Landlock',
      { tier: 'b', hosts: parseHostRules(['a.example'], []) },
      { landlockAbi: 7 },
      'refused',
      'sandbox.tier_b_strict',
    ],
    ['b with a terminal', { tier: 'b', egress: 'none', tty: true }, {}, 'refused', 'sandbox.tier_b_tty'],
    ['no bwrap', {}, { programs: { ...MACHINE.programs, bwrap: null } }, 'setup_failed', 'sandbox.missing_bwrap'],
    ['no prlimit', {}, { programs: { ...MACHINE.programs, prlimit: null } }, 'setup_failed', 'sandbox.missing_prlimit'],
    [
      'no perl for b',
      { tier: 'b', egress: 'none' },
      { programs: { ...MACHINE.programs, perl: null } },
      'setup_failed',
      'sandbox.missing_perl',
    ],
    ['no seccomp', {}, { seccomp: false }, 'setup_failed', 'sandbox.seccomp'],
    ['an unknown processor', {}, { architecture: null }, 'setup_failed', 'sandbox.seccomp'],
    ['another system', {}, { platform: 'win32' }, 'setup_failed', 'sandbox.platform'],
    [
      'hosts on macOS',
      { hosts: parseHostRules(['a.example'], []) },
      { platform: 'darwin', programs: { ...MACHINE.programs, sandboxExec: '/usr/bin/sandbox-exec' } },
      'refused',
      'sandbox.macos_hosts',
    ],
    ['root in its own workspace', { workspace: { ...WORKSPACE, uid: 0 } }, { uid: 0 }, 'refused', 'sandbox.root'],
    [
      'a workspace that is not there',
      { workspace: { ...WORKSPACE, realpath: null } },
      {},
      'refused',
      'sandbox.workspace',
    ],
    [
      'a workspace behind a link',
      { workspace: { ...WORKSPACE, realpath: '/data/demo' } },
      {},
      'refused',
      'sandbox.workspace',
    ],
    ['a working directory outside', { cwd: '/srv/demolition' }, {}, 'refused', 'sandbox.workspace'],
    [
      'a workspace in what is hidden',
      { hidden: [{ path: '/srv', kind: 'folder' }] },
      {},
      'refused',
      'sandbox.workspace',
    ],
    ['tier b with the state in the workspace', { tier: 'b', egress: 'none' }, {}, 'refused', 'sandbox.workspace'],
    ...[
      ...['/', '/usr', '/etc', '/tmp', '/home', '/proc/1', '/dev/shm', '/sys/fs', '/lib64', '/var/tmp', '/root'],
      ...['/etc/cron.d', '/usr/local/bin', '/var/spool/cron', '/var/lib/x', '/run/user/0', '/boot/x', '/sbin/x'],
      ...['/root/.ssh', '/root/.config/git', '/home/eve', '/home/eve/.ssh', '/Users/eve/Library/LaunchAgents'],
      ...['/srv/people', '/srv/people/ann', '/srv/people/ann/.config', '/srv/people/ann/.local/share/x'],
      ...['/srv/demo/.git', '/srv/demo/.git/hooks', '/srv/demo/.vscode'],
      ...['/srv/bin', '/srv/bin/lib', '/srv/web/node_modules/.bin'],
      ...[
        '/var/lib',
        '/var/lib/jenkins',
        '/var/lib/jenkins/workspace',
        '/var/lib/jenkins/secrets/x',
        '/var/lib/dpkg/info',
      ],
    ].map(
      (path) =>
        [
          `${path} as workspace`,
          { cwd: path, workspace: { ...WORKSPACE, path, realpath: path } },
          {},
          'refused',
          'sandbox.workspace',
        ] as const,
    ),
    [
      'a folder that holds programs',
      { cwd: '/srv/go', workspace: { ...WORKSPACE, path: '/srv/go', realpath: '/srv/go', protectedPaths: [] } },
      {},
      'refused',
      'sandbox.workspace',
    ],
    ...[
      ['root', 0],
      ['somebody else', 1001],
    ].map(
      ([who, uid]) =>
        [
          `a build folder of ${who}`,
          { cwd: BUILDS, workspace: { ...WORKSPACE, path: BUILDS, realpath: BUILDS, uid: Number(uid) } },
          {},
          'refused',
          'sandbox.workspace',
        ] as const,
    ),
  ];
  test.each(cases)('%s', (_, request, machine, outcome, reasonCode) => {
    expect(planRun({ ...REQUEST, ...request }, { ...MACHINE, ...machine })).toMatchObject({
      ok: false,
      outcome,
      reasonCode,
    });
  });
});

test.each([
  ...['/srv/demo', '/opt/x', '/home/eve/proj', '/tmp/x', '/root/proj', '/srv/people/ann/proj', '/var/www/x'],
  ...['/srv/people/bob', '/home/eve/proj/.work', '/mnt/usr', '/usrdata/x', '/srv/x.git', '/workspace'],
  ...[BUILDS, '/var/lib/jenkins/agents/a/workspace/b/c', '/srv/binary', '/srv/people/ann/x'],
])('%s is a workspace', (path) => {
  expect(plan({ cwd: path, workspace: { ...WORKSPACE, path, realpath: path }, hidden: [] }).workspace).toBe(path);
});

test.each(['/srv/web', '/srv/py'])('%s is one, though the shell has a folder of it', (path) => {
  const workspace = { ...WORKSPACE, path, realpath: path, protectedPaths: [] };
  expect(plan({ cwd: path, workspace, hidden: [] }).workspace).toBe(path);
});

test('a checkout may have folders of its own there', () => {
  expect(plan({ searchFolders: ['/srv/demo/tools'] }).workspace).toBe('/srv/demo');
});

describe('a plan', () => {
  test('b with strict and no host runs where Landlock and seccomp take all sockets away', () => {
    expect(plan({ tier: 'b', hidden: [] }, { landlockAbi: 4 })).toMatchObject({
      seccomp: 'none',
      network: { kind: 'isolated' },
      landlockAbi: 4,
    });
  });

  test('of root runs as the owner of the workspace, or as root when that was allowed', () => {
    expect(plan({}, { uid: 0, gid: 0 })).toMatchObject({ user: { uid: 1000, gid: 1000 }, asRoot: false });
    // never in root's group, whose files that would open
    const rootGroup = { ...WORKSPACE, gid: 0 };
    expect(plan({ workspace: rootGroup }, { uid: 0, gid: 0 })).toMatchObject({ user: { uid: 1000, gid: 65534 } });
    expect(plan({ workspace: { ...WORKSPACE, uid: 0 }, allowRoot: true }, { uid: 0 })).toMatchObject({
      user: null,
      asRoot: true,
    });
  });

  test('says in its layers what is only soft', () => {
    expect(plan().layers).toContain('memory:watchdog-soft');
    expect(plan({}, { cgroup: 'v2' }).layers).toContain('memory:cgroup');
    expect(plan({ egress: 'preflight' }).layers).toContain('egress:arguments-only');
    expect(plan({ tty: true }).layers).toContain('output:unlimited-on-terminal');
  });

  test('has one digest, and another for anything that changes', () => {
    const digest = planSha256(plan());
    expect(planSha256(plan())).toBe(digest);
    const others = [
      plan({ argv: ['git', 'status', ''] }),
      plan({ egress: 'none' }),
      plan({ hosts: parseHostRules(['a.example'], []) }),
      plan({ cwd: '/srv/demo/src' }),
      plan({ environment: { ...REQUEST.environment, A: '' } }),
      plan({ limits: { ...DEFAULT_LIMITS, timeoutMs: 1000 } }),
      plan({ stdin: 'pipe' }),
      plan({ tty: true }),
      plan({ hidden: [] }),
      plan({ workspace: { ...WORKSPACE, protectedPaths: [] } }),
      plan({}, { uid: 0 }),
    ].map(planSha256);
    expect(new Set([digest, ...others]).size).toBe(others.length + 1);
  });

  test('covers what is protected and hidden, last, and seals the root', () => {
    const { mounts } = plan();
    expect(mounts.slice(-7)).toEqual([
      { kind: 'write', path: '/srv/demo', from: '/srv/demo' },
      { kind: 'write', path: '/srv/demo/.git', from: '/srv/demo/.git' },
      { kind: 'read', path: '/srv/demo/.git/config', from: '/srv/demo/.git/config' },
      { kind: 'tmpfs', path: '/srv/demo/.palyra', bytes: 4096, mode: '0555' },
      { kind: 'seal', path: '/srv/demo/.palyra' },
      { kind: 'seal', path: '/dev' },
      { kind: 'seal', path: '/' },
    ]);
  });

  test('pins the folders that lead to what is hidden, so that nobody moves them aside', () => {
    const { mounts } = plan({ hidden: [{ path: '/srv/demo/a/b/state', kind: 'folder' }] });
    const writable = mounts.filter(({ kind }) => kind === 'write').map(({ path }) => path);
    expect(writable).toEqual(['/srv/demo', '/srv/demo/.git', '/srv/demo/a', '/srv/demo/a/b']);
  });

  test('becomes options for bwrap that hold nothing back', () => {
    const { options, texts } = bubblewrapArguments(plan());
    for (const option of [
      '--unshare-user',
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--unshare-net',
      '--disable-userns',
      '--die-with-parent',
      '--new-session',
      '--clearenv',
    ]) {
      expect(options).toContain(option);
    }
    expect(options.join(' ')).toContain('--cap-drop ALL');
    expect(options.join(' ')).toContain('--proc /proc --ro-bind /proc/sys /proc/sys');
    expect(bubblewrapArguments(plan({ egress: 'none' })).options).not.toContain('--unshare-net');
    expect(bubblewrapArguments(plan({ tty: true })).options).not.toContain('--new-session');
    expect(texts[0]).toBe(
      'palyra:x:1000:1000::/srv/demo:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n',
    );
  });

  test('starts its gate without a variable, and hands the command its own by no argument', () => {
    const secretive = plan({ environment: { PATH: '/usr/bin', TOKEN: "it's" } });
    const words = [...bubblewrapArguments(secretive).options, ...gatedCommand(secretive, '/usr/bin/prlimit')];
    expect(words).toContain('--clearenv');
    expect(words.filter((word) => /setenv|TOKEN|it's/.test(word))).toEqual([]);
    expect(environmentScript(secretive.environment)).toBe(
      `command export PATH='/usr/bin'\ncommand export TOKEN='it'\\''s'\n`,
    );
  });

  test('with hosts reaches the proxy by its environment and by /etc/hosts', () => {
    const { network, environment } = plan({ hosts: parseHostRules(['a.example'], ['b.example']) });
    expect(network.kind).toBe('proxied');
    expect(environment).toMatchObject({ HOME: '/srv/demo', https_proxy: expect.stringContaining('127.1.0.1') });
  });

  test('tells a limit as it is', () => {
    const words = describePlan(plan({ limits: { ...DEFAULT_LIMITS, timeoutMs: 100_000, cpuTimeLimitMs: 1500 } }));
    expect(words.find(({ name }) => name === 'limits')?.value).toMatch(/^time 100 s, processor 1500 ms a process/);
  });

  test('reads like this, and hides nothing', () => {
    const words = describePlan(
      plan({ argv: ['echo', 'a b', '\u202e', '\x1b[2K'], hosts: parseHostRules(['a.example:8443'], ['b.example']) }),
    );
    expect(words.map(({ name, value }) => `${name}: ${value}`).join('\n')).toMatchInlineSnapshot(`
      "command: echo 'a b' '\\u{202e}' '\\u{1b}[2K'
      where: /srv/demo
      contained: tier c (sandbox_tier_c_linux_bubblewrap), egress strict
      network: only a.example:8443, *.b.example
      files: only the system, read-only, and the workspace
      checked: arguments; what scripts say is left to the sandbox
      protected: .git/config .envrc
      user: you
      environment: ALL_PROXY HOME HTTPS_PROXY HTTP_PROXY NO_PROXY PATH all_proxy http_proxy https_proxy no_proxy
      limits: time 30 s, processor 10 s a process, memory 1 GiB, 256 processes, files of 64 MiB, 1024 open, /tmp 256 MiB, output 1 MiB
      input: none
      layers: environment:scrubbed limits:rlimits namespaces:user,pid,ipc,uts,cgroup,net capabilities:none files:allow-only no-new-privileges seccomp:internet egress:proxy memory:watchdog-soft"
    `);
  });
});

test.each([
  [
    'evil.example',
    'host_not_listed',
    'evil.example:443 (host_not_listed)',
    '--allow-host evil.example:443 asks an operator',
  ],
  ['a.example', 'sni_missing', 'a.example:443 (sni_missing)', 'TLS has to name it (SNI)'],
  ['a.example', 'sni_mismatch', 'a.example:443 (sni_mismatch)', 'and no other (SNI)'],
  ['', 'request_malformed', 'a connection that names no host (request_malformed)', 'a request for a host'],
] as const)(
  'a connection to "%s" that is refused for %s is told, and what would allow it',
  (host, reason, what, hint) => {
    const destination = { host, port: host === '' ? 0 : 443, address: null, verdict: 'refused', reason } as const;
    const execution = notRun('', { outcome: 'refused', exitCode: 126, reasonCode: 'x' });
    const [obstacle] = obstaclesOf({ ...execution, destinations: [destination] }, plan(), '');
    expect(obstacle).toEqual({ what: `refused: ${what}`, hint: expect.stringContaining(hint) });
  },
);

test('of a thousand refused destinations ten are named, and how many more there were', () => {
  const destinations = Array.from({ length: 1000 }, (_, n) => {
    return { host: `h${n}.example`, port: 443, address: null, verdict: 'refused', reason: 'host_not_listed' } as const;
  });
  const execution = notRun('', { outcome: 'refused', exitCode: 126, reasonCode: 'x' });
  const told = obstaclesOf({ ...execution, destinations }, plan(), '');
  expect(told).toHaveLength(11);
  expect(told.at(-1)).toEqual({ what: 'refused: 990 more destinations', hint: '--report FILE names them all' });
});

test('the Seatbelt profile is this text', () => {
  const mac = plan(
    {
      argv: ['ls'],
      workspace: { ...WORKSPACE, path: '/Users/ann/a "b"', realpath: '/Users/ann/a "b"' },
      cwd: '/Users/ann/a "b"',
    },
    {
      platform: 'darwin',
      programs: { ...MACHINE.programs, sandboxExec: '/usr/bin/sandbox-exec' },
    },
  );
  expect(mac.executor).toBe('sandbox_tier_c_macos_sandbox_exec');
  expect(mac.layers).toContain('seatbelt:untested');
  expect(seatbeltProfile(mac)).toMatchInlineSnapshot(`
    "(version 1)
    (deny default (with message "palyra"))
    (allow process-exec)
    (allow process-fork)
    (allow signal (target same-sandbox))
    (allow process-info* (target same-sandbox))
    (allow sysctl-read)
    (allow mach-lookup (global-name "com.apple.system.notification_center"))
    (allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))
    (allow file-read-metadata (subpath "/"))
    (allow file-read* (subpath "/usr") (subpath "/bin") (subpath "/sbin") (subpath "/System") (subpath "/Library/Apple") (subpath "/private/var/db/timezone") (subpath "/private/etc/ssl") (subpath "/opt/homebrew"))
    (allow file-read* (literal "/") (literal "/private/etc/hosts") (literal "/private/etc/resolv.conf") (literal "/private/etc/passwd") (literal "/private/etc/group"))
    (allow file-read* file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))
    (allow file-read* (literal "/dev/random") (literal "/dev/urandom"))
    (allow file-read* file-write* (subpath "/Users/ann/a \\"b\\""))
    (deny file-write* (subpath "/Users/ann/a \\"b\\"/.git/config"))
    (deny file-write* (subpath "/Users/ann/a \\"b\\"/.envrc"))
    (deny file-read* file-write* (subpath "/srv/demo/.palyra"))
    (deny file-read* file-write* (subpath "/home/ann/.config/palyra/palyra.toml"))
    (deny file-write-setugid)
    "
  `);
});
