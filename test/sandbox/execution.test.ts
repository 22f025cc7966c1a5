import { describe, expect, test } from 'vitest';
import { checkCommand } from '../../src/sandbox/command.ts';
import { parseEgress } from '../../src/sandbox/egress.ts';
import { insideEnvironment } from '../../src/sandbox/environment.ts';
import { type Execution, endingOf, executionRecord, executionSha256 } from '../../src/sandbox/execution.ts';
import { DEFAULT_LIMITS, narrowLimits, parseSize } from '../../src/sandbox/limits.ts';
import { parseTier } from '../../src/sandbox/tier.ts';

const EXECUTION: Execution = {
  planSha256: 'ab'.repeat(32),
  ending: { outcome: 'limit', exitCode: 152, limit: 'cpu' },
  measured: { durationMs: 12, cpuMs: 10, peakRssBytes: null, stdoutBytes: 3, stderrBytes: 0, truncated: false },
  layers: ['seccomp:internet'],
  protectedFiles: [{ path: '.envrc', change: 'created', movedTo: '.envrc.quarantined-1' }],
  repositories: [],
  isSearched: true,
  destinations: [],
};

test('the first cause counts', () => {
  expect(endingOf(137, 'timeout')).toEqual({ outcome: 'timed_out', exitCode: 124 });
  expect(endingOf(0, 'timeout')).toEqual({ outcome: 'timed_out', exitCode: 124 });
  expect(endingOf(137, 'output')).toEqual({ outcome: 'limit', exitCode: 137, limit: 'output' });
  expect(endingOf(152, null)).toEqual({ outcome: 'limit', exitCode: 152, limit: 'cpu' });
  expect(endingOf(153, null)).toEqual({ outcome: 'limit', exitCode: 153, limit: 'file_size' });
  expect(endingOf(143, null)).toEqual({ outcome: 'signalled', exitCode: 143, signal: 'SIGTERM' });
  expect(endingOf(200, null)).toEqual({ outcome: 'exited', exitCode: 200 });
});

test('the record is whole, and its digest means it', () => {
  expect(executionRecord(EXECUTION)).toEqual({
    outcome: 'limit',
    exit_code: 152,
    signal: null,
    reason_code: 'exec.limit.cpu',
    limit: 'cpu',
    duration_ms: 12,
    cpu_ms: 10,
    peak_rss_bytes: null,
    stdout_bytes: 3,
    stderr_bytes: 0,
    truncated: false,
    layers: ['seccomp:internet'],
    protected_files: [{ path: '.envrc', change: 'created', moved_to: '.envrc.quarantined-1' }],
    repositories: [],
    repositories_searched: true,
    destinations: [],
    plan_sha256: 'ab'.repeat(32),
  });
  expect(executionSha256(EXECUTION)).not.toBe(executionSha256({ ...EXECUTION, layers: [] }));
});

describe('bad input is refused', () => {
  const long = 'x'.repeat(4097);
  test.each([
    ['nothing', [], true, 'usage.invalid'],
    ['an empty program', [''], true, 'usage.invalid'],
    ['a program with a blank', ['git status'], true, 'usage.invalid'],
    ['a program with a line feed', ['git\n'], true, 'usage.invalid'],
    ['a NUL', ['echo', 'a\0b'], true, 'usage.invalid'],
    ['half a surrogate pair', ['echo', '\ud800'], true, 'usage.invalid'],
    ['bytes that are not UTF-8', ['echo', '\ufffd'], false, 'usage.invalid'],
    ['a long program', ['x'.repeat(257)], true, 'input.too_large'],
    ['a long argument', ['echo', long], true, 'input.too_large'],
    ['many arguments', ['echo', ...Array.from({ length: 129 }, () => 'x')], true, 'input.too_large'],
  ])('%s', (_, argv, utf8, code) => {
    expect(() => checkCommand(argv, utf8)).toThrow(expect.objectContaining({ code }));
  });

  test('what is within the limits is returned as it was', () => {
    const argv = ['echo', '\ufffd', '', 'ü'.repeat(2048), ...Array.from({ length: 125 }, () => '\n')];
    expect(checkCommand(argv, true)).toEqual(argv);
  });

  test('tiers and egress modes', () => {
    expect([parseTier('b'), parseTier('c'), parseEgress('none'), parseEgress('strict')]).toEqual([
      'b',
      'c',
      'none',
      'strict',
    ]);
    for (const text of ['a', 'C', '', 'tier_c'])
      expect(() => parseTier(text)).toThrow(expect.objectContaining({ code: 'usage.unknown' }));
    for (const text of ['off', 'Strict', ''])
      expect(() => parseEgress(text)).toThrow(expect.objectContaining({ code: 'usage.unknown' }));
  });

  test('limits only narrow', () => {
    expect(narrowLimits(DEFAULT_LIMITS, { timeoutMs: 1000 })).toEqual({ ...DEFAULT_LIMITS, timeoutMs: 1000 });
    for (const wanted of [
      { timeoutMs: 60_000 },
      { memoryLimitBytes: 1 },
      { maxOutputBytes: 1.5 },
      { maxProcesses: Number.NaN },
    ]) {
      expect(() => narrowLimits(DEFAULT_LIMITS, wanted)).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
    }
    expect([parseSize('64k'), parseSize('1G'), parseSize('7')]).toEqual([65_536, 1_073_741_824, 7]);
    for (const text of ['', '1t', '-1', '1.5m', '1 m'])
      expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
  });

  test('the environment is a short list and what was named', () => {
    const caller = {
      PATH: '/evil',
      LANG: 'C',
      TERM: 'xterm',
      SECRET: 's',
      PALYRA_TOKEN: 't',
      LD_PRELOAD: 'x',
      NAMED: 'n',
    };
    expect(insideEnvironment(caller, ['NAMED', 'GONE', 'SET=a=b'], '/ws')).toEqual({
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/ws',
      TMPDIR: '/tmp',
      LANG: 'C',
      TERM: 'xterm',
      NAMED: 'n',
      SET: 'a=b',
    });
    for (const name of [
      'OPTIND=1',
      'UID',
      'RANDOM=1',
      '_=x',
      'BASHPID=1',
      'PALYRA_TOKEN',
      'PALYRA_X=1',
      'A*',
      '=x',
      '',
      'a b',
      'A=\0',
    ]) {
      expect(() => insideEnvironment(caller, [name], '/ws')).toThrow(
        expect.objectContaining({ code: 'usage.invalid' }),
      );
    }
  });

  test('nobody hands on a variable that a loader, a shell or a tool obeys, PATH neither', () => {
    const active = 'PATH LD_PRELOAD LD_LIBRARY_PATH GIT_SSH_COMMAND BASH_ENV ENV IFS NODE_OPTIONS PYTHONPATH PAGER';
    const others =
      'GLIBC_TUNABLES HTTPS_PROXY https_proxy SVN_SSH HOME GOROOT GIT_EXEC_PATH RIPGREP_CONFIG_PATH GIT_TRACE';
    for (const name of `${active} ${others}`.split(' ')) {
      for (const one of [name, `${name}=x`]) {
        expect(() => insideEnvironment({ [name]: 'x' }, [one], '/ws')).toThrow(
          expect.objectContaining({ details: { reason_code: 'preflight.runs_programs' } }),
        );
      }
    }
    const inert = ['NODE_ENV=test', 'GIT_AUTHOR_NAME=ann', 'CI=1', 'AWS_REGION=x', 'GITHUB_TOKEN=x', 'DEBUG=*'];
    expect(Object.keys(insideEnvironment({}, inert, '/ws'))).toHaveLength(3 + inert.length);
  });
});
