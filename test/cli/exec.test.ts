import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/approvals/approval.ts';
import { settleApproval } from '../../src/flows/settle-approval.ts';
import { openState, openTestDesk } from '../flows/gate-desk.ts';
import { newPlace, PACKAGE, type Place } from '../palyra.ts';
import { openTerminal } from '../pty/terminal.ts';

const IS_ROOT = process.getuid?.() === 0;
const OWNER = 65534;

let open: Place;
let service: Server;
let port = 0;

beforeAll(async () => {
  service = createServer((_request, response) => response.end('served')).listen(0, '127.0.0.1');
  port = await portOf(service);
  open = await newDesk({ runner: [`allowed_egress_hosts = ["127.0.0.1:${port}"]`] });
});

afterAll(() => {
  service.close();
});

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Desk {
  readonly tools?: readonly string[];
  readonly runner?: readonly string[];
  readonly interpreters?: boolean;
  readonly posture?: 'always_allow' | 'ask_each_time' | 'disabled';
}

/** A place where any command may be run, and whose workspace is not root's. */
async function newDesk({
  tools = ['palyra.process.run'],
  runner = [],
  interpreters = true,
  posture = 'always_allow',
}: Desk = {}) {
  const place = newPlace();
  configure(place, tools, [
    'enabled = true',
    'allowed_executables = ["*"]',
    `allow_interpreters = ${interpreters}`,
    ...runner,
  ]);
  if (IS_ROOT) chownSync(place.folder, OWNER, OWNER);
  const set = await place.palyra(['posture', 'set', 'palyra.process.run', posture]);
  expect(set.code).toBe(0);
  return place;
}

function configure(place: Place, tools: readonly string[], runner: readonly string[]): void {
  const folder = join(dirname(place.folder), '.config/palyra');
  mkdirSync(folder, { recursive: true });
  const text = `[tool_call]\nallowed_tools = ${JSON.stringify(tools)}\n[tool_call.process_runner]\n${runner.join('\n')}\n`;
  writeFileSync(join(folder, 'palyra.toml'), text);
}

/** The report of a run. */
async function reportOf(place: Place, args: readonly string[]): Promise<Record<string, unknown>> {
  const path = join(dirname(place.folder), 'report.json');
  await place.palyra(['exec', '--report', path, ...args]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  return JSON.parse(readFileSync(path, 'utf8'));
}

async function journalOf(place: Place): Promise<{ kind: string; payload: Record<string, unknown> }[]> {
  const folder = join(dirname(place.folder), '.local/state/palyra/journal');
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
  return lines.map((line) => JSON.parse(JSON.parse(line).body));
}

function sh(script: string): string[] {
  return ['--', 'sh', '-c', script];
}

test.each(['$PWD/bin:', 'bin:', './later/bin:', ':', '.:'])(
  'a workspace to which PATH leads as %s is none, whether or not it is there yet',
  async (path) => {
    const { code, stderr } = await open.bash(`PATH="${path}$PATH" palyra exec -- true`);
    expect({ code, stderr }).toEqual({ code: 126, stderr: expect.stringContaining('starts programs by name from') });
  },
);

test('what a command says goes through pipes that never had a name', async () => {
  const links = 'readlink /proc/self/fd/1; readlink /proc/self/fd/2 >&2';
  const { code, stdout, stderr } = await open.bash(`palyra exec -- sh -c '${links}'`);
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^pipe:\[\d+\]\n$/),
    stderr: expect.stringMatching(/^pipe:\[\d+\]\n$/),
  });
});

describe('with little to spend', () => {
  const CLOSE_INHERITED = 'for fd in $(ls /proc/self/fd); do [ $fd -lt 3 ] || eval "exec $fd<&-"; done';

  // below 24 Node itself does not start
  test.each([24, 28, 32, 36, 40, 44, 48, 64])('%i descriptors: it runs, or says why not', async (descriptors) => {
    const { code, stdout, stderr } = await open.bash(
      `${CLOSE_INHERITED}; ulimit -n ${descriptors}; palyra exec -- sh -c 'ulimit -Hn'`,
    );
    if (descriptors === 24) expect(code).toBe(125);
    if (descriptors === 64 || code === 0) expect({ code, stdout }).toEqual({ code: 0, stdout: `${descriptors}\n` });
    else {
      expect(code).toBe(125);
      expect(stderr).toMatch(/^palyra: error: the sandbox could not be set up\npalyra: why: .+\npalyra: hint: .+\n$/);
    }
  });

  test('files that may not grow: nothing runs', async () => {
    const { code, stderr } = await open.bash('ulimit -f 1; palyra exec -- touch ran');
    // where the plan is short, the journal is the first that does not fit
    if (code === 125) expect(stderr).toContain('file too large');
    else expect({ code, stderr }).toEqual({ code: 14, stderr: expect.stringContaining('could not be written') });
    expect(existsSync(join(open.folder, 'ran'))).toBe(false);
  });

  test.runIf(IS_ROOT)('no process may be started for the owner: it ends, and says so', async () => {
    const { code, stderr } = await open.bash('ulimit -u 1; palyra exec -- true');
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining('the sandbox could not be set up') });
  });
});

describe('a command ends as it ended', () => {
  test('its streams and its exit code pass through untouched', async () => {
    const ended = await open.palyra(['exec', ...sh('printf "out\\377"; echo err >&2; exit 7')]);
    expect(ended).toEqual({ stdout: 'out\ufffd', stderr: 'err\n', code: 7 });
  });

  test('signals are 128 and their number, no such command is 127, the time limit 124', async () => {
    const codes = await Promise.all([
      open.palyra(['exec', ...sh('kill -SEGV $$')]),
      open.palyra(['exec', '--', 'no-such-command']),
      open.palyra(['exec', '--timeout', '1s', '--', 'sleep', '60']),
      open.palyra(['exec', ...sh('exit 126')]),
    ]);
    expect(codes.map(({ code }) => code)).toEqual([139, 127, 124, 126]);
    expect(codes[1]?.stderr).toContain('no-such-command: no such command (exec.no_command)\n');
    expect(codes[2]?.stderr).toContain('stopped after 1 s');
  });

  test('a command that is not there, or may not be run, is told from one that ends with that code', async () => {
    writeFileSync(join(open.folder, 'plain'), 'echo no\n', { mode: 0o644 });
    const report = async (...args: string[]) => {
      const { exit_code, outcome, reason_code, decision } = await reportOf(open, args);
      return [exit_code, outcome, reason_code, (decision as { decision: string }).decision];
    };
    expect(await report('--', 'no-such-command')).toEqual([127, 'refused', 'exec.no_command', 'deny']);
    expect(await report('--', './no/such')).toEqual([127, 'refused', 'exec.no_command', 'deny']);
    expect(await report(...sh('exit 127'))).toEqual([127, 'exited', 'exec.exited', 'allow']);
    const plain = await open.palyra(['exec', '--', './plain']);
    expect([plain.code, plain.stderr]).toEqual([126, 'palyra: ./plain: not a file that may be run\n']);
    rmSync(join(open.folder, 'plain'));
  });

  test('what a command complains of is explained by what holds inside', async () => {
    const { stderr } = await open.palyra(['exec', ...sh('cat /var/log/dpkg.log')]);
    expect(stderr).toContain('palyra: warning: /var/log/dpkg.log is not inside\n');
  });

  test('--workspace of nothing is not the working directory', async () => {
    expect(await open.palyra(['exec', '--workspace', '', '--', 'true'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--workspace is empty'),
    });
  });

  test('standard input is nothing, or what is handed on', async () => {
    const none = await open.palyra(['exec', '--', 'cat'], { input: 'secret' });
    const given = await open.palyra(['exec', '--stdin', '--', 'cat'], { input: 'passed on' });
    expect([none.stdout, given.stdout]).toEqual(['', 'passed on']);
  });

  test('an input that never ends does not hold it', async () => {
    const child = spawn(process.execPath, [join(PACKAGE, 'bin/palyra.js'), 'exec', '--stdin', '--', 'true'], {
      cwd: open.folder,
      env: { HOME: dirname(open.folder), PATH: '/usr/bin:/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(0);
  });

  test('too much output stops it', async () => {
    const ended = await open.palyra(['exec', '--max-output', '1k', '--', 'yes']);
    expect([ended.stdout.length, ended.code > 128]).toEqual([1024, true]);
    expect(ended.stderr).toContain('it wrote more than it may');
  });

  test.each(['yes', 'sh -c "exec yes >&2"'])(
    'where nobody reads on, a command that writes on is told as by any pipe: %s',
    async (command) => {
      const ended = await open.bash(
        `palyra exec --report ../pipe.json -- ${command} 2>&1 | head -1; exit \${PIPESTATUS[0]}`,
      );
      expect(ended).toEqual({ stdout: 'y\n', stderr: '', code: 141 });
      const report = JSON.parse(readFileSync(join(dirname(open.folder), 'pipe.json'), 'utf8'));
      expect(report).toMatchObject({ outcome: 'signalled', signal: 'SIGPIPE', exit_code: 141 });
      expect((await journalOf(open)).at(-1)?.payload).toMatchObject({ signal: 'SIGPIPE', exit_code: 141 });
    },
  );

  test('output that cannot be written is told, and is never an answer', async () => {
    const line = 'palyra exec --report ../full.json -- sh -c "echo hi; exit 7" > /dev/full';
    const ended = await open.bash(line);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('standard output cannot be written') });
    const report = JSON.parse(readFileSync(join(dirname(open.folder), 'full.json'), 'utf8'));
    expect(report).toMatchObject({ outcome: 'exited', exit_code: 7 });
    const endless = await open.bash('palyra exec -- yes > /dev/full');
    expect(endless).toMatchObject({ code: 1, stderr: expect.stringContaining('standard output cannot be written') });
    expect((await journalOf(open)).at(-1)?.payload).toMatchObject({ signal: 'SIGPIPE' });
  });

  test('a reader that goes away is no error, and ends nothing but the output', async () => {
    const ended = await open.bash(
      `palyra exec -- sh -c 'yes | head -c 900000; echo done >&2; exit 9' | head -1; exit \${PIPESTATUS[0]}`,
    );
    expect(ended).toEqual({ stdout: 'y\n', stderr: 'done\n', code: 9 });
  });

  test('Ctrl-C and SIGTERM reach it', async () => {
    for (const [signal, code] of [
      ['SIGINT', 3],
      ['SIGTERM', 4],
    ] as const) {
      const script = `trap 'exit ${code}' ${signal.slice(3)}; echo ready; while :; do sleep 0.1; done`;
      const child = spawn(process.execPath, [join(PACKAGE, 'bin/palyra.js'), 'exec', ...sh(script)], {
        cwd: open.folder,
        env: { HOME: dirname(open.folder), PATH: '/usr/bin:/bin' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout.once('data', () => child.kill(signal));
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(code);
    }
  });

  test('kill -9 of palyra leaves nothing running', async () => {
    const mark = `61${process.pid % 1000}.5`;
    const child = spawn(
      process.execPath,
      [join(PACKAGE, 'bin/palyra.js'), 'exec', ...sh(`echo ready; sleep ${mark}`)],
      {
        cwd: open.folder,
        env: { HOME: dirname(open.folder), PATH: '/usr/bin:/bin' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    for (let tries = 0; isRunning(`sleep\0${mark}`) && tries < 100; tries++) await sleep(50);
    expect(isRunning(`sleep\0${mark}`)).toBe(false);
  });

  test('a terminal is handed on, and its keys are the command’s', async () => {
    const script = `trap 'echo caught; exit 5' INT; tty -s && echo terminal; while :; do sleep 0.1; done`;
    const terminal = openTerminal(['exec', '--tty', ...sh(script)], {
      cwd: open.folder,
      home: dirname(open.folder),
    });
    await terminal.sees('terminal');
    terminal.type('\x03');
    await terminal.sees('caught');
    expect(await terminal.ends()).toBe(5);
  });

  test('on a terminal it is a job of its own: it cannot end palyra, and a stop does not leave it hanging', async () => {
    const terminal = (script: string) =>
      openTerminal(['exec', '--tty', '--report', '../tty.json', ...sh(script)], {
        cwd: open.folder,
        home: dirname(open.folder),
      });
    expect(await terminal('kill -9 0').ends()).toBe(137);
    expect(JSON.parse(readFileSync(join(dirname(open.folder), 'tty.json'), 'utf8'))).toMatchObject({ exit_code: 137 });
    const stopping = terminal('kill -STOP 0; echo goes on; read line; echo heard $line');
    await stopping.sees('goes on');
    stopping.type('hello\r');
    await stopping.sees('heard hello');
    expect(await stopping.ends()).toBe(0);
  });

  test('on a terminal Ctrl-Z does not leave it stopped where nobody could have it go on', async () => {
    const terminal = openTerminal(['exec', '--tty', ...sh('echo ready; sleep 0.6; echo fin')], {
      cwd: open.folder,
      home: dirname(open.folder),
    });
    await terminal.sees('ready');
    terminal.type('\x1a');
    await terminal.sees('fin');
    expect(await terminal.ends()).toBe(0);
  });

  test('on a terminal SIGKILL of palyra ends it, too', async () => {
    const mark = `62${process.pid % 1000}.5`;
    const line = `node "${join(PACKAGE, 'bin/palyra.js')}" exec --tty -- sh -c 'echo ready; sleep ${mark}'`;
    const child = spawn('script', ['-qc', `echo $$ > ../palyra.pid; exec ${line}`, '/dev/null'], {
      cwd: open.folder,
      env: { HOME: dirname(open.folder), PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for (let tries = 0; !isRunning(`sleep\0${mark}`) && tries < 200; tries++) await sleep(50);
    expect(isRunning(`sleep\0${mark}`)).toBe(true);
    process.kill(Number(readFileSync(join(dirname(open.folder), 'palyra.pid'), 'utf8')), 'SIGKILL');
    for (let tries = 0; isRunning(`sleep\0${mark}`) && tries < 100; tries++) await sleep(50);
    expect(isRunning(`sleep\0${mark}`)).toBe(false);
    child.kill();
  });
});

function isRunning(command: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(command);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

describe('what is inside', () => {
  test('the environment is scrubbed, the umask is the caller’s, PALYRA_ names never come along', async () => {
    const given = { PALYRA_PRINCIPAL: '', SECRET: 's', LANG: 'C', NAMED: 'n' };
    const line = `umask 027; palyra exec --env NAMED --env SET=1 -- sh -c 'umask; env | sort | grep -vi proxy'`;
    const { stdout } = await open.bash(line, { env: given });
    const names = stdout.split('\n').map((row) => row.split('=')[0]);
    expect(names).toEqual(['0027', 'HOME', 'LANG', 'NAMED', 'PATH', 'PWD', 'SET', 'TERM', 'TMPDIR', 'TZ', '']);
    const refused = await open.palyra(['exec', '--env', 'PALYRA_TOKEN', '--', 'true']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('never handed to a command')]);
  });

  test('no variable is dropped without a word', async () => {
    const names = ['OPTIND', 'PWD', 'OPTARG', 'REPLY', 'SECONDS'];
    const ended = await Promise.all(
      names.map((name) => open.palyra(['exec', '--env', `${name}=abc`, '--', '/usr/bin/env'])),
    );
    const lost = names.filter((name, at) => ended[at]?.code !== 2 && !ended[at]?.stdout.includes(`${name}=abc\n`));
    expect(lost).toEqual([]);
    expect(ended[0]?.stderr).toContain('OPTIND cannot be handed on');
  });

  test('variables come as they were given, whatever is in them', async () => {
    const odd = `it's "odd" $(id) \\n\nnext line`;
    const script = 'printf %s "$ODD"; test -e /proc/self/fd/8 && echo open; exit 0';
    const ended = await open.palyra(['exec', '--env', `ODD=${odd}`, ...sh(script)]);
    expect(ended).toEqual({ stdout: odd, stderr: '', code: 0 });
  });

  test.each(['c', 'b'])('in tier %s a loader variable is refused before anything starts', async (tier) => {
    const runner = tier === 'b' ? ['tier = "b"', 'egress_enforcement_mode = "none"'] : [];
    const place = await newDesk({ runner });
    for (const name of ['LD_PRELOAD=./evil.so', 'PATH=./bin:/usr/bin', 'GIT_SSH_COMMAND=id']) {
      const report = await reportOf(place, ['--env', name, '--', 'git', 'version']);
      expect(report).toMatchObject({ outcome: 'refused', exit_code: 126, reason_code: 'preflight.runs_programs' });
    }
  });

  test('keys and settings of the home are no workspace, its projects are', async () => {
    const home = dirname(open.folder);
    const work = join(home, 'work');
    for (const folder of [join(home, '.ssh/keys'), work]) {
      mkdirSync(folder, { recursive: true });
      if (IS_ROOT) chownSync(folder, OWNER, OWNER);
    }
    const write = sh('echo key >> authorized_keys');
    const keys = await open.palyra(['exec', '--workspace', join(home, '.ssh/keys'), ...write]);
    expect([keys.code, keys.stderr]).toEqual([126, expect.stringContaining('make a folder for the work')]);
    expect((await open.palyra(['exec', '--workspace', work, ...write])).code).toBe(0);
  });

  test.runIf(IS_ROOT)('bwrap is not taken from a folder that others may write', async () => {
    const fake = 'mount -t tmpfs -o mode=777 none /usr/local/sbin && cp /bin/false /usr/local/sbin/bwrap';
    const ended = await open.bash(`unshare -m sh -c '${fake} && exec palyra exec -- echo ran'`);
    expect(ended).toEqual({ stdout: 'ran\n', stderr: '', code: 0 });
  });

  test('state and configuration are not to be seen or put aside, even in the workspace', async () => {
    const place = await newDesk();
    const home = dirname(place.folder);
    execFileSync('mkdir', ['-p', join(place.folder, 'deep/down')]);
    execFileSync('mv', [join(home, '.local/state/palyra'), join(place.folder, 'deep/down/state')]);
    execFileSync('mv', [join(home, '.config/palyra/palyra.toml'), join(place.folder, 'deep/own.toml')]);
    if (IS_ROOT)
      execFileSync('chown', [`${OWNER}:${OWNER}`, join(place.folder, 'deep'), join(place.folder, 'deep/down')]);
    const script = 'ls deep/down/state; cat deep/own.toml; echo x > deep/own.toml; mv deep aside; mv deep/down aside';
    const where = ['--config', 'deep/own.toml', '--state-root', 'deep/down/state'];
    const ended = await place.palyra([...where, 'exec', ...sh(`${script}; true`)]);
    expect([ended.stdout, ended.code]).toEqual(['', 0]);
    expect(readFileSync(join(place.folder, 'deep/own.toml'), 'utf8')).toContain('allowed_tools');
    expect(readdirSync(join(place.folder, 'deep/down/state'))).toContain('journal');
  });

  test('a state that is not there yet is not made where the command could reach it', async () => {
    const first = await open.palyra(['--state-root', 'new-state', 'exec', '--', 'true']);
    expect([first.code, first.stderr]).toEqual([
      126,
      expect.stringContaining('the state would be made in the workspace'),
    ]);
    execFileSync('rm', ['-r', join(open.folder, 'new-state')]);
  });

  test.runIf(IS_ROOT)('root’s commands run as the owner of the workspace', async () => {
    expect((await open.palyra(['exec', '--', 'id', '-u'])).stdout).toBe(`${OWNER}\n`);
  });

  test.runIf(IS_ROOT)('a workspace of root’s is refused, unless root is asked for', async () => {
    const place = await newDesk();
    chownSync(place.folder, 0, 0);
    const refused = await reportOf(place, ['--', 'true']);
    expect(refused).toMatchObject({ outcome: 'refused', exit_code: 126, reason_code: 'sandbox.root' });
    expect((await place.palyra(['exec', '--allow-root', '--', 'id', '-u'])).stdout).toBe('0\n');
  });

  test.runIf(IS_ROOT)('an unprivileged user runs commands as themselves', async () => {
    const place = newPlace();
    const home = dirname(place.folder);
    configure(place, ['palyra.process.run'], ['enabled = true', 'allowed_executables = ["*"]']);
    execFileSync('chown', ['-R', `${OWNER}:${OWNER}`, home]);
    const as = `setpriv --reuid ${OWNER} --clear-groups palyra`;
    const ended = await place.bash(
      `${as} posture set palyra.process.run always_allow -q >&2 && ${as} exec -- id -u && ${as} exec --tier c -- false`,
    );
    expect([ended.stdout, ended.code]).toEqual([`${OWNER}\n`, 1]);
  });
});

describe('egress', () => {
  test('one service is reached, another is refused, told, and journaled', async () => {
    const other = createServer((_request, response) => response.end('wrong')).listen(0, '127.0.0.1');
    const otherPort = await portOf(other);
    const [one, two] = [port, otherPort].map((at) => `curl -s http://127.0.0.1:${at}/`);
    writeFileSync(join(open.folder, 'fetch.sh'), `${one}; unset NO_PROXY no_proxy; ${two}; true\n`, { mode: 0o755 });
    const path = join(dirname(open.folder), 'refused.json');
    const ended = await open.palyra(['exec', '--report', path, '--', 'sh', 'fetch.sh']);
    other.close();
    rmSync(join(open.folder, 'fetch.sh'));
    expect(ended.stdout).toMatch(/^served/);
    expect(ended.stdout).not.toContain('wrong');
    expect(ended.stderr).toContain(`--allow-host 127.0.0.1:${otherPort}`);
    const refused = {
      host: '127.0.0.1',
      port: otherPort,
      address: null,
      verdict: 'refused',
      reason: 'port_not_listed',
    };
    expect(JSON.parse(readFileSync(path, 'utf8')).destinations).toContainEqual(refused);
    const last = (await journalOf(open)).at(-1);
    expect(last?.kind).toBe('exec.end');
    expect(last?.payload.destinations).toContainEqual(refused);
  });

  test('--allow-host takes away, and adds nothing without a terminal', async () => {
    const none = await reportOf(open, ['--allow-host', 'registry.example.org', '--', 'true']);
    const told = await open.palyra(['exec', '--allow-host', 'registry.example.org', '--', 'true']);
    expect(told.stderr).toContain('on which an operator would be asked');
    const same = await reportOf(open, ['--allow-host', `127.0.0.1:${port}`, '--', 'true']);
    expect([none.reason_code, none.exit_code]).toEqual(['exec.host_not_listed', 126]);
    expect(same.outcome).toBe('exited');
  });
});

const NO_INTERPRETERS: Desk = { interpreters: false };

describe('what is refused is named, reported and journaled', () => {
  const refusals: readonly (readonly [string, Desk, readonly string[], string, number])[] = [
    ['a tool that is not allowlisted', { tools: [] }, ['--', 'true'], 'posture.locked', 126],
    ['a disabled tool', { posture: 'disabled' }, ['--', 'true'], 'posture.disabled', 126],
    ['what asks', { posture: 'ask_each_time' }, ['--', 'true'], 'approval.required', 126],
    [
      'tier b with strict',
      { runner: ['tier = "b"', 'allowed_egress_hosts = ["x.org"]'] },
      ['--', 'true'],
      'sandbox.tier_b_strict',
      126,
    ],
    ['an executable that is not allowed', { runner: [] }, ['--', 'sudo', 'true'], 'preflight.escalation', 126],
    [
      'what xargs would give git',
      NO_INTERPRETERS,
      ['--stdin', '--', 'xargs', '-0', 'git'],
      'preflight.runs_programs',
      126,
    ],
    ['a path outside', {}, ['--', 'cat', '/etc/passwd'], 'preflight.path_outside_workspace', 126],
    ['a host', {}, ['--', 'curl', 'https://evil.example/'], 'preflight.host_not_allowed', 126],
    ['a weaker tier', {}, ['--tier', 'b', '--', 'true'], 'exec.tier_wider', 126],
    ['more egress', {}, ['--egress', 'none', '--', 'true'], 'exec.egress_wider', 126],
    ['a workspace that is missing', {}, ['--workspace', 'missing', '--', 'true'], 'sandbox.workspace', 126],
    ['a workspace of everything', {}, ['--workspace', '/', '--', 'true'], 'sandbox.workspace', 126],
    ['the home as workspace', {}, ['--workspace', '..', '--', 'true'], 'sandbox.workspace', 126],
    ['a folder of the PATH', {}, ['--workspace', '../bin', '--', 'true'], 'sandbox.workspace', 126],
    ['a folder of the system', {}, ['--workspace', '/usr/local/bin', '--', 'true'], 'sandbox.workspace', 126],
    ['an unknown tier', {}, ['--tier', 'd', '--', 'true'], 'usage.unknown', 2],
    ['an unknown mode', {}, ['--egress', 'some', '--', 'true'], 'usage.unknown', 2],
    ['a host that is none', {}, ['--allow-host', 'a b', '--', 'true'], 'usage.invalid', 2],
    ['no command', {}, ['--'], 'usage.invalid', 2],
    ['a command without dashes', {}, ['true'], 'usage.invalid', 2],
    ['a command line in one word', {}, ['--', 'git status'], 'usage.invalid', 2],
    ['a huge argument', {}, ['--', 'echo', 'x'.repeat(5000)], 'input.too_large', 2],
    ['a terminal that is not there', {}, ['--tty', '--', 'true'], 'usage.terminal_needed', 2],
    ['more memory', {}, ['--memory', '8g', '--', 'true'], 'usage.invalid', 2],
  ];
  test.each(refusals)('%s', async (_, desk, args, reason, code) => {
    const place = Object.keys(desk).length === 0 ? open : await newDesk(desk);
    const report = await reportOf(place, args);
    expect(report).toMatchObject({
      schema: 'palyra.exec.report/1',
      outcome: 'refused',
      reason_code: reason,
      exit_code: code,
    });
    const last = (await journalOf(place)).at(-1);
    expect(last).toMatchObject({ kind: 'exec.refuse', payload: { reason_codes: expect.arrayContaining([reason]) } });
  });

  test('a report that cannot be written is told before anything runs', async () => {
    for (const path of ['missing/report.json', '/dev/null', '.', '/proc/report']) {
      const ended = await open.palyra(['exec', '--report', path, '--', 'touch', 'ran']);
      expect([ended.code, ended.stderr]).toEqual([125, expect.stringContaining('cannot be written')]);
    }
    const dash = await open.palyra(['exec', '--report', '-', '--', 'touch', 'ran']);
    expect([dash.code, dash.stderr]).toEqual([2, expect.stringContaining('--report needs a file')]);
    expect(existsSync(join(open.folder, 'ran'))).toBe(false);
  });

  test('arguments that are not UTF-8', async () => {
    const { code, stderr } = await open.bash(`palyra exec -- echo $'\\xff'`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('not UTF-8')]);
  });

  test('a workspace that is reached through a link', async () => {
    const ended = await open.bash('ln -s . link; palyra exec --workspace link -- true; code=$?; rm link; exit $code');
    expect([ended.code, ended.stderr]).toEqual([126, expect.stringContaining('reached through a link')]);
  });

  test('with --json the reasons are one object on standard error', async () => {
    const ended = await open.palyra(['--json', 'exec', '--', 'sudo', 'true']);
    expect(JSON.parse(ended.stderr)).toMatchObject({
      error: { reason_code: 'preflight.escalation' },
      exit: { code: 126 },
    });
    expect(ended.stdout).toBe('');
  });

  test.runIf(IS_ROOT)('a missing bwrap is 125, with the command that installs it', async () => {
    const hide = 'mount --bind /dev/null /usr/bin/bwrap';
    const ended = await open.bash(`unshare -m sh -c '${hide} && exec palyra exec -- true'`);
    expect([ended.code, ended.stderr]).toEqual([125, expect.stringContaining('apt-get install bubblewrap')]);
  });
});

describe('the gate', () => {
  test('an approval lets exactly its command run, once', async () => {
    const place = await newDesk({ posture: 'ask_each_time' });
    const asked = await place.palyra(['--json', 'exec', '--', 'echo', 'hello']);
    expect(asked.code).toBe(126);
    const { error } = JSON.parse(asked.stderr);
    const id: string = error.approval_id;
    const early = await place.palyra(['exec', '--approval', id, '--', 'echo', 'hello']);
    expect([early.code, early.stderr]).toEqual([126, expect.stringContaining('approval.pending')]);
    await answer(place, id, { ...ALLOW, digest: error.request_sha256 });
    const codes: [number, string][] = [];
    for (const words of [
      ['echo', 'other'],
      ['echo', 'hello'],
      ['echo', 'hello'],
    ]) {
      const ended = await place.palyra(['exec', '--approval', id, '--', ...words]);
      codes.push([ended.code, ended.stdout || (/approval\.\w+/.exec(ended.stderr)?.[0] ?? '')]);
    }
    expect(codes).toEqual([
      [126, 'approval.input_differs'],
      [0, 'hello\n'],
      [126, 'approval.used'],
    ]);
  });

  test('--wait runs what is allowed meanwhile, and says why what is denied does not', async () => {
    const place = await newDesk({ posture: 'ask_each_time' });
    const [allowed, denied] = await Promise.all([
      place.palyra(['exec', '--wait', '20s', '--', 'echo', 'allowed']),
      place.palyra(['exec', '--wait', '20s', '--', 'echo', 'denied']),
      answerBoth(place),
    ]);
    expect([allowed.code, allowed.stdout]).toEqual([0, 'allowed\n']);
    expect([denied.code, denied.stdout]).toEqual([126, '']);
    expect(denied.stderr).toContain('denied by user:ops ("use a branch") (approval.denied)');
  });

  test('on a terminal it is asked inline, and a host beyond the configuration always is', async () => {
    const words = ['exec', '--allow-host', 'registry.example.org', '--', 'echo', 'ran'];
    const terminal = openTerminal(words, { cwd: open.folder, home: dirname(open.folder) });
    await terminal.sees('registry.example.org');
    await terminal.sees('? Decision (Enter skips)');
    await sleep(500);
    terminal.type('d\r');
    await terminal.sees('Reason');
    await sleep(500);
    terminal.type('no\r');
    expect(await terminal.ends()).toBe(126);
    expect(terminal.text()).toContain('approval.denied');
  });

  test('a grant for a session lets its command run again, and says so', async () => {
    const place = await newDesk({ posture: 'ask_each_time' });
    const words = ['exec', '--session', 's1', '--', 'git', '--version'];
    const { error } = JSON.parse((await place.palyra(['--json', ...words])).stderr);
    await answer(place, error.approval_id, { decision: 'allow', scope: 'session', digest: error.request_sha256 });
    const again = await place.palyra(words);
    const elsewhere = await place.palyra(['exec', '--session', 's2', '--', 'git', '--version']);
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/^allowed by grant …\w{6} of user:ops\n$/)]);
    expect(elsewhere.code).toBe(126);
  });

  test('a grant lets nothing through that changes what its words do', async () => {
    const place = await newDesk({ posture: 'ask_each_time' });
    const words = ['--', 'git', 'version'];
    const session = ['--session', 's1', '--env', 'MODE=a'];
    const { error } = JSON.parse((await place.palyra(['--json', 'exec', ...session, ...words])).stderr);
    await answer(place, error.approval_id, { decision: 'allow', scope: 'session', digest: error.request_sha256 });
    expect((await place.palyra(['exec', ...session, ...words])).code).toBe(0);
    for (const more of [['--env', 'MODE=b'], ['--stdin'], ['--timeout', '9s'], ['--env', 'PATH=./bin:/usr/bin']])
      expect((await place.palyra(['exec', ...session, ...more, ...words])).code).toBe(126);
    mkdirSync(join(place.folder, 'below'));
    if (IS_ROOT) chownSync(join(place.folder, 'below'), OWNER, OWNER);
    const below = ['--workspace', 'below', ...words];
    expect((await place.palyra(['exec', ...session, ...below])).code).toBe(126);
  });

  test('an operator sees the variables that were named, and secrets of them masked', async () => {
    const place = await newDesk({ posture: 'ask_each_time' });
    const secret = `ghp_${'a'.repeat(36)}`;
    const words = ['exec', '--env', 'MODE=a b', '--env', `TOKEN=${secret}`, '--', 'true'];
    const { error } = JSON.parse((await place.palyra(['--json', ...words])).stderr);
    const shown = await place.palyra(['approvals', 'show', error.approval_id]);
    expect(shown.stdout).toContain('MODE=a b\n');
    expect(shown.stdout).toContain('TOKEN=ghp_[36 more characters, masked]');
    expect(JSON.stringify(await journalOf(place))).not.toContain(secret);
  });

  test('a dry run says what would run and writes nothing', async () => {
    const before = (await journalOf(open)).length;
    const path = join(dirname(open.folder), 'dry.json');
    const ended = await open.palyra(['--json', '--dry-run', 'exec', '--report', path, '--', 'touch', 'made']);
    expect(JSON.parse(ended.stdout)).toMatchObject({ would_run: true, plan: { argv: ['touch', 'made'], tier: 'c' } });
    expect([existsSync(join(open.folder, 'made')), existsSync(path)]).toEqual([false, false]);
    expect((await open.palyra(['-n', 'exec', '--', 'sudo', 'x'])).code).toBe(126);
    expect(await journalOf(open)).toHaveLength(before);
  });
});

/** An operator on another terminal. */
async function answer(place: Place, id: string, verdict: Verdict): Promise<void> {
  const desk = await openTestDesk({ store: openState(join(dirname(place.folder), '.local/state/palyra')) });
  desk.time = Date.now();
  await settleApproval(desk, id, verdict);
}

async function answerBoth(place: Place): Promise<void> {
  const answered = new Set<string>();
  for (let tries = 0; answered.size < 2 && tries < 100; tries++) {
    const { approvals: book } = await openState(join(dirname(place.folder), '.local/state/palyra')).read('approvals');
    for (const { approval_id: id, request_sha256: digest, execution } of book.approvals) {
      if (answered.has(id)) continue;
      const isAllowed = execution?.argv[1] === 'allowed';
      const verdict = isAllowed ? ALLOW : ({ decision: 'deny', reason: 'use a branch' } as const);
      await answer(place, id, { ...verdict, digest });
      answered.add(id);
    }
    await sleep(100);
  }
}

const ALLOW = { decision: 'allow', scope: 'once' } as const;

describe('the record', () => {
  test('a report says what ran, how it ended and what held', async () => {
    const report = await reportOf(open, ['--', 'false']);
    expect(report).toMatchObject({
      schema: 'palyra.exec.report/1',
      outcome: 'exited',
      exit_code: 1,
      signal: null,
      reason_code: 'exec.exited',
      tier: 'c',
      egress: 'strict',
      executor: 'sandbox_tier_c_linux_bubblewrap',
      protected_files: [],
      destinations: [],
      truncated: false,
      decision: { decision: 'allow', ground: 'policy' },
    });
    expect(report.layers).toEqual(expect.arrayContaining(['capabilities:none', 'files:allow-only', 'egress:proxy']));
    const [start, end] = (await journalOf(open)).slice(-2);
    expect([start?.kind, end?.kind]).toEqual(['exec.start', 'exec.end']);
    for (const field of ['attestation_id', 'plan_sha256', 'request_sha256'])
      expect([start?.payload[field], end?.payload[field]]).toEqual([report[field], report[field]]);
    expect(end?.payload.execution_sha256).toBe(report.execution_sha256);
  });

  test('a protected file that appears is put aside and told', async () => {
    const ended = await open.palyra(['exec', ...sh('echo evil > .envrc')]);
    expect(ended.stderr).toContain('.envrc was created, and is put aside as .envrc.quarantined-');
    execFileSync('sh', ['-c', 'rm -f .envrc*'], { cwd: open.folder });
  });

  test('what a command says of a read-only system or of no network is explained', async () => {
    const readOnly = await open.palyra(['exec', ...sh('touch /usr/x')]);
    expect(readOnly.stderr).toContain('it met a read-only file system');
    const place = await newDesk();
    const cut = await place.palyra([
      'exec',
      '--',
      'bash',
      '-c',
      'getent hosts example.org || { echo "Could not resolve host" >&2; exit 6; }',
    ]);
    expect([cut.code, cut.stderr]).toEqual([6, expect.stringContaining('egress is strict, and no host is allowed')]);
  });

  test('nothing is left in the workspace', async () => {
    expect(readdirSync(open.folder)).toEqual([]);
  });
});
