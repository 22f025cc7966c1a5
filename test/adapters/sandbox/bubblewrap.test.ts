import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openBubblewrap } from '../../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../../src/adapters/sandbox/machine.ts';
import type { Sightings } from '../../../src/sandbox/protected-files.ts';
import type { RunningCommand } from '../../../src/sandbox/runner.ts';
import { groupsLeft, newFolder, planFor, type Ran, removeFolder, runPlan, type Wish } from '../../sandbox/lab.ts';

const MIB = 1024 * 1024;
// stands in the command line of everything around a sleeping command, the sandbox's own processes too
const SLEEPER = `palyra-sleeper-${process.pid}`;

let workspace: string;

beforeAll(() => {
  workspace = newFolder('run');
  spawnSync('chown', ['1000:1000', workspace]);
});

beforeEach(() => {
  for (const name of readdirSync(workspace)) removeFolder(join(workspace, name));
});

afterAll(() => {
  removeFolder(workspace);
  expect(sleepers()).toBe('');
  expect(groupsLeft()).toEqual([]);
});

function run(argv: readonly [string, ...string[]], wish: Wish = {}): Promise<Ran> {
  return runPlan(openBubblewrap(lookAtMachine(), { tty: false }), planFor(workspace, argv, wish), wish);
}

function sh(script: string, wish: Wish = {}): Promise<Ran> {
  return run(['sh', '-c', script], wish);
}

test('what a loader is told by the environment, it is told for the command alone', async () => {
  const { stderr } = await run(['true'], { environment: { PATH: '/usr/bin', LD_DEBUG: 'files' } });
  const started = [...stderr.matchAll(/initialize program: (\S+)/g)].map(([, program]) => program);
  expect(started).toEqual(['true']);
});

describe('how it ends', () => {
  test('exit codes are the command’s own', async () => {
    for (const code of [0, 1, 3, 124, 125, 126, 127, 255]) {
      expect((await sh(`exit ${code}`)).execution.ending).toEqual({ outcome: 'exited', exitCode: code });
    }
  });

  test('signals are named', async () => {
    for (const [name, exitCode] of [
      ['TERM', 143],
      ['KILL', 137],
      ['SEGV', 139],
      ['HUP', 129],
    ] as const) {
      expect((await sh(`kill -${name} $$`)).execution.ending).toEqual({
        outcome: 'signalled',
        exitCode,
        signal: `SIG${name}`,
      });
    }
  });

  test('a command that does not exist is 127, a file that is no program 126', async () => {
    expect((await run(['no-such-command'])).execution.ending.exitCode).toBe(127);
    writeFileSync(join(workspace, 'data'), 'x');
    expect((await run(['./data'])).execution.ending.exitCode).toBe(126);
  });

  test('a boundary that cannot be built runs nothing and says what bwrap said', async () => {
    const plan = planFor(workspace, ['touch', 'ran']);
    const broken = {
      ...plan,
      mounts: [...plan.mounts, { kind: 'read' as const, path: '/x', from: '/no/such/folder' }],
    };
    const { execution, stderr } = await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), broken);
    expect(execution.ending).toMatchObject({ outcome: 'setup_failed', exitCode: 125 });
    expect(execution.ending).toHaveProperty('message', expect.stringContaining('/no/such/folder'));
    expect(stderr).toBe('');
    expect(existsSync(join(workspace, 'ran'))).toBe(false);
  });

  test('what could not be started leaves nothing open that would keep palyra from ending', async () => {
    const machine = lookAtMachine();
    const without = { ...machine, programs: { ...machine.programs, bwrap: null } };
    const before = readdirSync('/proc/self/fd').length;
    const boundary = openBubblewrap(without, { tty: false });
    const { execution } = await runPlan(boundary, planFor(workspace, ['true']));
    expect(execution.ending).toMatchObject({ outcome: 'setup_failed', exitCode: 125 });
    boundary.close();
    await vi.waitFor(() => expect(readdirSync('/proc/self/fd').length).toBe(before));
  });

  test('what cannot be journaled does not run', async () => {
    const beforeStart = () => Promise.reject(new Error('the journal is full'));
    await expect(sh('touch ran', { hooks: { beforeStart } })).rejects.toThrow('the journal is full');
    expect(existsSync(join(workspace, 'ran'))).toBe(false);
  });
});

describe('streams', () => {
  test('both pass through, apart, byte for byte', async () => {
    const ran = await sh("printf 'a\\000b\\377'; printf err >&2");
    expect(ran).toMatchObject({
      stderr: 'err',
      execution: { measured: { stdoutBytes: 4, stderrBytes: 3, truncated: false } },
    });
  });

  test('stdin is null unless it is asked for', async () => {
    expect((await sh('cat; readlink /proc/self/fd/0')).stdout).toBe('/dev/null\n');
    expect((await run(['cat'], { input: 'hello' })).stdout).toBe('hello');
  });

  test('a command that does not read its input ends all the same', async () => {
    expect((await run(['true'], { input: 'x'.repeat(2 * MIB) })).execution.ending).toEqual({
      outcome: 'exited',
      exitCode: 0,
    });
  });

  test('arguments and environment arrive as planned, and nothing else', async () => {
    const odd = ['', ' a  b ', '\'"$(id)`id`', '-n', '--', '\n', 'ü\u202e', '*'];
    const ran = await run(['perl', '-e', 'print join("|", @ARGV), "\\n", join(",", sort keys %ENV)', '--', ...odd]);
    expect(ran.stdout).toBe(`${odd.slice(0).join('|')}\nHOME,PATH,TMPDIR`);
  });

  test('both can be opened anew by their names', async () => {
    const ran = await sh('echo a > /dev/stdout; echo b > /dev/stderr; echo c > /dev/fd/1; echo d > /proc/self/fd/2');
    expect(ran).toMatchObject({ stdout: 'a\nc\n', stderr: 'b\nd\n' });
  });

  test('output past the limit stops the command', async () => {
    const { execution, stdout } = await run(['yes'], { limits: { maxOutputBytes: 100_000 } });
    expect(execution.ending).toMatchObject({ outcome: 'limit', limit: 'output' });
    expect(execution.measured.truncated).toBe(true);
    expect(stdout.length).toBe(100_000);
  });

  test('both streams share the limit', async () => {
    const ran = await sh('yes & yes >&2', { limits: { maxOutputBytes: 50_000 } });
    expect(ran.stdout.length + ran.stderr.length).toBe(50_000);
  });
});

describe('limits', () => {
  test('the time limit ends even who ignores SIGTERM', async () => {
    const { execution } = await sh("trap '' TERM; while :; do sleep 1; done", { limits: { timeoutMs: 300 } });
    expect(execution.ending).toEqual({ outcome: 'timed_out', exitCode: 124 });
  });

  test('time that is up before a command begins is told as that, and nothing runs', async () => {
    const beforeStart = async (seen: Sightings): Promise<Sightings> => {
      await sleep(1000);
      return seen;
    };
    const { execution } = await sh('touch ran', { limits: { timeoutMs: 300 }, hooks: { beforeStart } });
    expect(execution.ending).toEqual({ outcome: 'timed_out', exitCode: 124 });
    expect(existsSync(join(workspace, 'ran'))).toBe(false);
  });

  test('SIGTERM comes first, and a command may tidy up', async () => {
    const ran = await sh("trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done", { limits: { timeoutMs: 2000 } });
    expect(ran).toMatchObject({ stdout: 'bye\n', execution: { ending: { outcome: 'timed_out' } } });
  });

  test('processor time', async () => {
    const { execution } = await sh('while :; do :; done', { limits: { cpuTimeLimitMs: 1000 } });
    expect(execution.ending).toMatchObject({ outcome: 'limit', limit: 'cpu' });
  });

  test('file size', async () => {
    const ran = await run(['dd', 'if=/dev/zero', 'of=big', 'bs=1M', 'count=10'], {
      limits: { maxFileSizeBytes: 2 * MIB },
    });
    expect(ran.execution.ending).toMatchObject({ outcome: 'limit', limit: 'file_size' });
    expect(readFileSync(join(workspace, 'big')).length).toBe(2 * MIB);
  });

  test.each(['cgroup', 'watchdog'])('memory, by %s', async (by) => {
    const machine = by === 'watchdog' ? { cgroup: null } : {};
    const script =
      'my @all; for (1..400) { push @all, "x" x (1 << 20); select(undef, undef, undef, 0.002) } print "had it"';
    const { execution, stdout } = await run(['perl', '-e', script], {
      machine,
      limits: { memoryLimitBytes: 128 * MIB },
    });
    expect(stdout).toBe('');
    expect(execution.ending).not.toEqual({ outcome: 'exited', exitCode: 0 });
    expect(execution.measured.peakRssBytes).toBeLessThan(200 * MIB);
  });

  test.each(['cgroup', 'watchdog'])('memory that processes share, by %s', async (by) => {
    // MAP_SHARED | MAP_ANONYMOUS, filled by reading zeros into it, by two processes that both have it mapped
    const [mmap, read] = process.arch === 'x64' ? [9, 0] : [222, 63];
    const fill = (bytes: number): string =>
      `my $at = syscall(${mmap}, 0, ${bytes}, 3, 0x21, -1, 0); open my $zero, "<", "/dev/zero"; fork;
       for (my $i = 0; $i < ${bytes}; $i += ${MIB}) { syscall(${read}, fileno $zero, $at + $i, ${MIB}); select(undef, undef, undef, 0.001) }
       select(undef, undef, undef, 0.3); print "had it\n"; wait`;
    const wish = { machine: by === 'watchdog' ? { cgroup: null } : {}, limits: { memoryLimitBytes: 128 * MIB } };
    const much = await run(['perl', '-e', fill(400 * MIB)], wish);
    expect(much.stdout).toBe('');
    expect(much.execution.ending).toMatchObject({ outcome: 'limit', limit: 'memory' });
    // what two share is there once
    const little = await run(['perl', '-e', fill(80 * MIB)], wish);
    expect(little.stdout).toBe('had it\nhad it\n');
  });

  test('memory that no process has mapped is not had where no group counts it', async () => {
    const call = process.arch === 'x64' ? 319 : 279;
    const ask = `my $name = "x"; print syscall(${call}, $name, 0) < 0 ? "refused" : "had"`;
    expect((await run(['perl', '-e', ask], { machine: { cgroup: null } })).stdout).toBe('refused');
  });

  test('processor time is told, that of descendants included', async () => {
    const busy = "perl -e 'my $i = 0; $i++ while $i < 1e7'";
    const { execution, stdout } = await sh(`${busy}; (${busy} & wait); times`);
    const seconds = [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
    const due = 1000 * seconds.reduce((sum, each) => sum + each, 0);
    expect(due).toBeGreaterThan(200);
    expect(execution.measured.cpuMs).toBeGreaterThan(due * 0.9);
    expect(execution.measured.cpuMs).toBeLessThan(due * 1.1 + 100);
  });

  test('a fork bomb is bounded', async () => {
    const bomb =
      'my $n = 0; while (defined(my $pid = fork)) { $pid or do { sleep 5; exit }; last if ++$n > 500 } print $n';
    expect(Number((await run(['perl', '-e', bomb], { limits: { maxProcesses: 40 } })).stdout)).toBeLessThanOrEqual(40);
  });

  test('a fork bomb of root is bounded too', async () => {
    const rooted = newFolder('root');
    const bomb =
      'my $n = 0; while (defined(my $pid = fork)) { $pid or do { sleep 5; exit }; last if ++$n > 500 } print $n';
    const plan = planFor(rooted, ['perl', '-e', bomb], { allowRoot: true, limits: { maxProcesses: 40 } });
    expect(Number((await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), plan)).stdout)).toBeLessThanOrEqual(
      42,
    );
    removeFolder(rooted);
  });

  test('temporary folders have a size and are not the host’s', async () => {
    const { stdout } = await sh(
      'for d in /tmp /var/tmp /dev/shm; do dd if=/dev/zero of=$d/f bs=1M count=9 2>/dev/null; stat -c %s $d/f; done',
      {
        limits: { tmpSizeBytes: 4 * MIB },
      },
    );
    expect(stdout).toBe(`${4 * MIB}\n`.repeat(3));
    expect(existsSync('/tmp/f') || existsSync('/dev/shm/f')).toBe(false);
  });

  test('open files and core files', async () => {
    expect(
      (await sh('ulimit -n; ulimit -c; ulimit -u 2>/dev/null || ulimit -p', { limits: { maxOpenFiles: 64 } })).stdout,
    ).toBe('64\n0\n256\n');
  });
});

describe('nothing is left', () => {
  test('background processes, setsid and double forks end with the command', async () => {
    const started = Date.now();
    await run([
      'bash',
      '-c',
      `(exec -a ${SLEEPER} sleep 60) & setsid bash -c 'exec -a ${SLEEPER} sleep 60' & perl -e 'fork && exit; fork && exit; exec {q(sleep)} q(${SLEEPER}), 60'; exit 0`,
    ]);
    expect(sleepers()).toBe('');
    expect(Date.now() - started).toBeLessThan(30_000);
  });

  test('the workspace holds only what the command made', async () => {
    await sh('touch mine');
    expect(readdirSync(workspace)).toEqual(['mine']);
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
    for (const delay of [...Array.from({ length: 24 }, (_, i) => i), 300]) {
      const palyra = spawn(process.execPath, [driver, workspace, SLEEPER], { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((resolve) => palyra.stdout.once('data', resolve)); // about to spawn
      await sleep(delay);
      palyra.kill('SIGKILL');
      for (let tries = 0; tries < 100 && sleepers() !== ''; tries++) await sleep(10);
      expect([delay, sleepers()]).toEqual([delay, '']);
    }
    await sh('true'); // sweeps the groups of the dead
  }, 180_000);

  test('signals reach the command, and the second one does not ask', async () => {
    const interrupt = async (command: RunningCommand): Promise<void> => {
      while (!existsSync(join(workspace, 'up'))) await sleep(10);
      command.signal('SIGINT');
    };
    const polite = await sh("trap 'echo caught; exit 7' INT; touch up; while :; do sleep 0.05; done", {
      hooks: { started: interrupt },
    });
    expect(polite).toMatchObject({ stdout: 'caught\n', execution: { ending: { outcome: 'exited', exitCode: 7 } } });
    removeFolder(join(workspace, 'up'));
    const stubborn = await sh("trap '' INT TERM; touch up; while :; do sleep 0.05; done", {
      hooks: {
        started: async (command) => {
          await interrupt(command);
          await sleep(200);
          await interrupt(command);
        },
      },
    });
    expect(stubborn.execution.ending).toEqual({ outcome: 'signalled', exitCode: 137, signal: 'SIGKILL' });
  });
});

describe('protected files', () => {
  test('new ones are put aside and reported', async () => {
    const { execution } = await sh(
      'echo evil > .envrc; mkdir .vscode; echo evil > .vscode/tasks.json; mkfifo .npmrc; ln -s /etc .claude',
    );
    expect(execution.protectedFiles.map(({ path, change }) => [path, change])).toEqual([
      ['.envrc', 'created'],
      ['.npmrc', 'created'],
      ['.vscode', 'created'],
      ['.claude', 'created'],
    ]);
    expect(readdirSync(workspace).every((name) => name.includes('quarantined'))).toBe(true);
  });

  test('a link that was replaced is put back', async () => {
    spawnSync('ln', ['-s', 'elsewhere', join(workspace, '.envrc')]);
    const { execution } = await sh('rm .envrc; echo evil > .envrc');
    expect(execution.protectedFiles).toMatchObject([{ path: '.envrc', change: 'changed' }]);
    expect(spawnSync('readlink', [join(workspace, '.envrc')], { encoding: 'utf8' }).stdout).toBe('elsewhere\n');
  });

  test('git works, and a new repository keeps its harmless configuration', async () => {
    const { execution, stderr } = await sh(
      'git init -q . && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x && git log --oneline',
    );
    expect([stderr, execution.ending, execution.protectedFiles]).toEqual(['', { outcome: 'exited', exitCode: 0 }, []]);
  });

  test('a new repository that would run programs does not', async () => {
    const { execution } = await sh(
      'git init -q . && git config core.fsmonitor evil && echo evil > .git/hooks/pre-commit',
    );
    expect(execution.protectedFiles.map(({ path }) => path)).toEqual(['.git/hooks', '.git/config']);
  });

  test('a git folder elsewhere in the workspace is guarded through its .git file', async () => {
    mkdirSync(join(workspace, 'real/hooks'), { recursive: true });
    writeFileSync(join(workspace, 'real/config'), '[core]\n');
    writeFileSync(join(workspace, '.git'), 'gitdir: real\n');
    spawnSync('chown', ['-R', '1000:1000', workspace]);
    await sh('echo evil > real/hooks/pre-commit; echo evil >> real/config; echo "gitdir: evil" > .git; mv real evil');
    expect(readdirSync(join(workspace, 'real/hooks'))).toEqual([]);
    expect(readFileSync(join(workspace, 'real/config'), 'utf8')).toBe('[core]\n');
    expect(readFileSync(join(workspace, '.git'), 'utf8')).toBe('gitdir: real\n');
  });
});

describe('programs run', () => {
  test('Node with threads, Python, git, tar and perl', async () => {
    const limits = { timeoutMs: 300_000, cpuTimeLimitMs: 300_000 };
    const node =
      "const { Worker } = require('node:worker_threads'); new Worker('require(`node:worker_threads`).parentPort.postMessage(1)', { eval: true }).on('message', (m) => console.log(m, require('node:child_process').execSync('echo child').toString()))";
    expect((await run(['node', '-e', node], { limits })).stdout).toBe('1 child\n\n');
    const python =
      'import threading, subprocess, ssl; t = threading.Thread(target=lambda: print("thread")); t.start(); t.join(); print(subprocess.check_output(["echo", "child"]).decode().strip())';
    expect((await run(['python3', '-c', python], { limits })).stdout).toBe('thread\nchild\n');
    expect((await sh('echo x > f && tar cf a.tar f && tar tf a.tar && git --version | cut -d" " -f1')).stdout).toBe(
      'f\ngit\n',
    );
  });
});

const DRIVER = `
import { writeSync } from 'node:fs';
import { openBubblewrap } from '../../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../../src/adapters/sandbox/machine.ts';
import { planFor, runPlan } from '../../sandbox/lab.ts';
const [folder, name] = process.argv.slice(2);
const plan = planFor(folder, ['bash', '-c', 'setsid bash -c "exec -a $0 sleep 60" $0 & exec -a $0 sleep 60', name]);
writeSync(1, 'spawning');
await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), plan);
`;

function sleepers(): string {
  return spawnSync('pgrep', ['-f', SLEEPER], { encoding: 'utf8' }).stdout;
}
