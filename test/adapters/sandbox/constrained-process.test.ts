import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openConstrainedProcess } from '../../../src/adapters/sandbox/constrained-process.ts';
import { lookAtMachine } from '../../../src/adapters/sandbox/machine.ts';
import { SYSCALLS } from '../../../src/sandbox/seccomp.ts';
import { groupsLeft, newFolder, planFor, type Ran, removeFolder, runPlan, type Wish } from '../../sandbox/lab.ts';

const MIB = 1024 * 1024;
const SLEEPER = `palyra-constrained-${process.pid}`;
const { machine, close } = await openConstrainedProcess(lookAtMachine(), { stdin: 'null' });
close();

let workspace: string;
let outside: string;

beforeAll(() => {
  outside = join(process.getuid?.() === 0 ? '/var' : homedir(), `palyra-outside-${process.pid}`);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'the secret', { mode: 0o644 });
  workspace = newFolder('constrained');
  spawnSync('chown', ['1000:1000', workspace]);
});

beforeEach(() => {
  for (const name of readdirSync(workspace)) removeFolder(join(workspace, name));
});

afterAll(() => {
  removeFolder(workspace);
  removeFolder(outside);
  expect(sleepers()).toBe('');
  expect(groupsLeft()).toEqual([]);
});

async function run(argv: readonly [string, ...string[]], wish: Wish = {}): Promise<Ran> {
  const wanted = {
    tier: 'b',
    egress: 'none',
    ...wish,
    machine: { landlockAbi: machine.landlockAbi, ...wish.machine },
  } as const;
  const plan = planFor(workspace, argv, wanted);
  return runPlan(await openConstrainedProcess(lookAtMachine(), plan), plan, wish);
}

function sh(script: string, wish: Wish = {}): Promise<Ran> {
  return run(['bash', '-c', script], wish);
}

describe('what stands before the command is known', () => {
  test('it ends when it is not used, and leaves nothing open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const boundary = await openConstrainedProcess(lookAtMachine(), { stdin: 'pipe' });
    expect(supervisors()).not.toBe('');
    boundary.close();
    await vi.waitFor(() => expect([supervisors(), readdirSync('/proc/self/fd').length]).toEqual(['', before]));
  });

  test('a supervisor that is gone is a set-up that failed', async () => {
    const boundary = await openConstrainedProcess(lookAtMachine(), { stdin: 'null' });
    process.kill(Number(supervisors()), 'SIGKILL');
    await vi.waitFor(() => expect(supervisors()).toBe(''));
    const { execution } = await runPlan(boundary, planFor(workspace, ['true'], { tier: 'b', egress: 'none' }));
    expect(execution.ending).toMatchObject({ outcome: 'setup_failed', exitCode: 125 });
  });

  test('it is for a command whose input is connected as it was said', async () => {
    const boundary = await openConstrainedProcess(lookAtMachine(), { stdin: 'null' });
    const piped = planFor(workspace, ['cat'], { tier: 'b', egress: 'none', stdin: 'pipe' });
    expect((await runPlan(boundary, piped)).execution.ending.outcome).toBe('setup_failed');
    boundary.close();
  });
});

describe('how it ends', () => {
  test('exit codes and signals', async () => {
    expect((await sh('exit 7')).execution.ending).toEqual({ outcome: 'exited', exitCode: 7 });
    expect((await sh('kill -9 $$')).execution.ending).toEqual({
      outcome: 'signalled',
      exitCode: 137,
      signal: 'SIGKILL',
    });
    expect((await run(['no-such-command'])).execution.ending.exitCode).toBe(127);
  });

  test('streams, arguments and environment are as planned', async () => {
    const ran = await run(
      [
        'perl',
        '-e',
        'print join("|", @ARGV, <STDIN>), ":", join(",", sort keys %ENV); print STDERR "err"',
        '--',
        ' a ',
        '',
      ],
      { input: 'in' },
    );
    expect([ran.stdout, ran.stderr]).toEqual([' a ||in:HOME,PATH,TMPDIR', 'err']);
  });

  test('no descriptor is left open', async () => {
    expect(
      (
        await run([
          'perl',
          '-e',
          'opendir my $d, "/proc/self/fd"; print join ",", sort grep { /\\d/ && readlink("/proc/self/fd/$_") !~ m{^/(proc|dev/null)} } readdir $d',
        ])
      ).stdout,
    ).toBe('1,2');
  });
});

describe('limits', () => {
  test('time, output, processor, file size', async () => {
    expect(
      (await sh("trap '' TERM; while :; do sleep 1; done", { limits: { timeoutMs: 300 } })).execution.ending,
    ).toEqual({ outcome: 'timed_out', exitCode: 124 });
    expect((await run(['yes'], { limits: { maxOutputBytes: 1000 } })).execution.ending).toMatchObject({
      outcome: 'limit',
      limit: 'output',
    });
    expect((await sh('while :; do :; done', { limits: { cpuTimeLimitMs: 1000 } })).execution.ending).toMatchObject({
      limit: 'cpu',
    });
    expect(
      (await sh('exec dd if=/dev/zero of=big bs=1M count=9', { limits: { maxFileSizeBytes: MIB } })).execution.ending,
    ).toMatchObject({ limit: 'file_size' });
  });

  test.each([null, lookAtMachine().cgroup])('memory and a fork bomb, with control groups %s', async (cgroup) => {
    const eat =
      'my @all; for (1..400) { push @all, "x" x (1 << 20); select(undef, undef, undef, 0.002) } print "had it"';
    const ate = await run(['perl', '-e', eat], { machine: { cgroup }, limits: { memoryLimitBytes: 128 * MIB } });
    expect([ate.stdout, ate.execution.ending.exitCode === 0]).toEqual(['', false]);
    const bomb = `# ${SLEEPER}
      my $n = 0; while (defined(my $pid = fork)) { $pid or do { sleep 60; exit }; last if ++$n > 4000 } sleep 1; print $n`;
    const { stdout, execution } = await run(['perl', '-e', bomb], {
      machine: { cgroup },
      limits: { maxProcesses: 40 },
    });
    if (cgroup === null) expect(execution.ending).toMatchObject({ outcome: 'limit', limit: 'processes' });
    else expect(Number(stdout)).toBeLessThan(44);
    expect(sleepers()).toBe('');
  });
});

describe('nothing is left', () => {
  test('background processes, setsid and double forks end with the command', async () => {
    await sh(
      `(exec -a ${SLEEPER} sleep 60) & setsid bash -c 'exec -a ${SLEEPER} sleep 60' & perl -e 'fork && exit; fork && exit; exec {q(sleep)} q(${SLEEPER}), 60'; exit 0`,
    );
    expect(sleepers()).toBe('');
  });

  test('SIGKILL of palyra, whenever it comes, ends everything', async () => {
    const driver = join(workspace, 'driver.mjs');
    await build({
      stdin: { contents: DRIVER, resolveDir: new URL('.', import.meta.url).pathname, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: driver,
    });
    for (const delay of [0, 2, 4, 6, 8, 10, 14, 20, 300]) {
      const palyra = spawn(process.execPath, [driver, workspace, SLEEPER], { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((resolve) => palyra.stdout.once('data', resolve));
      await sleep(delay);
      palyra.kill('SIGKILL');
      for (let tries = 0; tries < 200 && sleepers() !== ''; tries++) await sleep(10);
      expect([delay, sleepers()]).toEqual([delay, '']);
    }
  });
});

describe('what Landlock and seccomp hold where the kernel has them', () => {
  test('this kernel has them, or the layers say so', async () => {
    const { execution } = await run(['true']);
    expect(execution.layers.includes(`landlock:${machine.landlockAbi}`)).toBe(machine.landlockAbi > 0);
    expect(execution.layers).toContain('seccomp:internet');
  });

  test('files outside are neither read nor written, links do not help', async () => {
    const tries = await sh(
      `cat ${outside}/secret; ln -s ${outside}/secret l; cat l; cat /proc/self/root${outside}/secret; echo x > ${outside}/new; ls ${outside}; ls /root /home; cat /etc/shadow; echo x > /etc/new; cat ../../..${outside}/secret`,
    );
    expect(tries.stdout).toBe(machine.landlockAbi > 0 ? '' : expect.any(String));
    expect(existsSync(join(outside, 'new'))).toBe(false);
  });

  test('the workspace, temporary folders and devices are writable, programs run', async () => {
    const script =
      'set -e; echo x > f; echo y > $TMPDIR/t.$$; rm $TMPDIR/t.$$; echo z > /dev/null; git init -q .; python3 -c "import threading" ; node -e 1; cat f';
    expect(await sh(script)).toMatchObject({ stdout: 'x\n', stderr: '' });
  });

  test('refused calls are refused, signals do not leave', async () => {
    const pid = process.pid;
    const { ptrace, unshare } = SYSCALLS[process.arch === 'x64' ? 'x64' : 'arm64'];
    const calls = `$! = 0; syscall(${ptrace}, 16, 1, 0, 0); print $!+0, ","; syscall(${unshare}, 0x10000000); print $!+0, ","; socket(my $s, 1, 1, 0); print $!+0, ","; print chmod(04755, "f") ? 0 : $!+0, ","; print kill(0, ${pid})`;
    writeFileSync(join(workspace, 'f'), '', { mode: 0o777 });
    spawnSync('chown', ['1000:1000', join(workspace, 'f')]);
    // before Landlock 6 one's own processes outside can be signalled
    const reached = process.getuid?.() === 0 || machine.landlockAbi >= 6 ? 0 : 1;
    expect((await run(['perl', '-e', calls])).stdout).toBe(`1,1,1,1,${reached}`);
  });

  test('it runs as the owner of the workspace, without other groups or rights, with the caller’s umask', async () => {
    const script =
      'id -u; id -G; umask; pwd; grep -E "^Cap(Eff|Prm|Inh|Amb)" /proc/self/status | grep -vc 0000000000000000';
    const { stdout } = await sh(script, { hooks: { umask: 0o27 } });
    expect(stdout).toBe(`1000\n1000\n0027\n${workspace}\n0\n`);
  });

  test('strict without hosts leaves no socket at all', async () => {
    const probe =
      'for ([2, 1], [2, 2], [10, 1], [16, 3], [1, 1]) { print socket(my $s, $_->[0], $_->[1], 0) ? "made" : "none", "," }';
    const { stdout, execution } = await run(['perl', '-e', probe], { egress: 'strict' });
    expect(stdout).toBe('none,'.repeat(5));
    expect(execution.layers).toContain('egress:no-sockets');
  });
});

const DRIVER = `
import { writeSync } from 'node:fs';
import { openConstrainedProcess } from '../../../src/adapters/sandbox/constrained-process.ts';
import { lookAtMachine } from '../../../src/adapters/sandbox/machine.ts';
import { planFor, runPlan } from '../../sandbox/lab.ts';
const [folder, name] = process.argv.slice(2);
const argv = ['bash', '-c', 'setsid bash -c "exec -a $0 sleep 60" $0 & exec -a $0 sleep 60', name];
const plan = planFor(folder, argv, { tier: 'b', egress: 'none' });
writeSync(1, 'spawning');
await runPlan(await openConstrainedProcess(lookAtMachine(), plan), plan);
`;

/** The numbers of the supervisors below this process. */
function supervisors(): string {
  return spawnSync('pgrep', ['-P', `${process.pid}`, 'perl'], { encoding: 'utf8' }).stdout;
}

function sleepers(): string {
  return spawnSync('pgrep', ['-f', SLEEPER], { encoding: 'utf8' }).stdout;
}
