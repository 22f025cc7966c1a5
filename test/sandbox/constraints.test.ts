import { describe, expect, test } from 'vitest';
import { constraintsFor } from '../../src/sandbox/constraints.ts';
import { DEFAULT_LIMITS } from '../../src/sandbox/limits.ts';
import type { Plan } from '../../src/sandbox/plan.ts';

const PLAN: Plan = {
  tier: 'b',
  egress: 'none',
  executor: 'sandbox_tier_b',
  argv: ['true'],
  workspace: '/srv/demo',
  cwd: '/srv/demo',
  environment: { PATH: '/usr/bin' },
  limits: DEFAULT_LIMITS,
  user: null,
  asRoot: false,
  stdin: 'null',
  tty: false,
  network: { kind: 'isolated' },
  seccomp: null,
  landlockAbi: 0,
  memory: 'cgroup',
  mounts: [],
  protectedPaths: [],
  hiddenPaths: [],
  layers: [],
};

/** The words by their first: `path` → what follows each. */
function wordsOf(plan: Partial<Plan>, architecture: 'x64' | 'arm64' = 'x64'): Map<string, string[]> {
  const words = constraintsFor({ ...PLAN, ...plan }, architecture, undefined)
    .split('\0')
    .slice(0, -1);
  const found = new Map<string, string[]>();
  for (const word of words) {
    const [first = '', rest = ''] = [word.slice(0, word.indexOf(' ')), word.slice(word.indexOf(' ') + 1)];
    found.set(first, [...(found.get(first) ?? []), rest]);
  }
  return found;
}

/** What a path is allowed beneath it; undefined if it is not named. */
function accessOf(words: Map<string, string[]>, path: string): number | undefined {
  const found = words.get('path')?.find((word) => word.endsWith(` ${path}`));
  return found === undefined ? undefined : Number(found.split(' ')[0]);
}

// linux/landlock.h
const READ = 0b1101;
const WRITE_FILE = 0b10;
const REFER = 1 << 13;
const TRUNCATE = 1 << 14;
const IOCTL = 1 << 15;
const ALL_OF_FIRST = (1 << 13) - 1;

describe('Landlock', () => {
  // landlock(7): what each version can hold, and the size of its struct landlock_ruleset_attr
  const versions: readonly (readonly [abi: number, handled: number, tcp: number, scoped: number, size: number])[] = [
    [1, ALL_OF_FIRST, 0, 0, 8],
    [2, ALL_OF_FIRST | REFER, 0, 0, 8],
    [3, ALL_OF_FIRST | REFER | TRUNCATE, 0, 0, 8],
    [4, ALL_OF_FIRST | REFER | TRUNCATE, 3, 0, 16],
    [5, ALL_OF_FIRST | REFER | TRUNCATE | IOCTL, 3, 0, 16],
    [6, ALL_OF_FIRST | REFER | TRUNCATE | IOCTL, 3, 3, 24],
    [7, ALL_OF_FIRST | REFER | TRUNCATE | IOCTL, 3, 3, 24],
  ];

  test.each(versions)('version %i holds all that it can, and is asked for nothing that it does not know', (...row) => {
    const [landlockAbi, handled, tcp, scoped, size] = row;
    const words = wordsOf({ landlockAbi });
    expect(words.get('landlock')).toEqual([`${handled} ${tcp} ${scoped} ${size}`]);
    // the kernel refuses a rule that names what the ruleset does not handle
    for (const word of words.get('path') ?? []) expect(Number(word.split(' ')[0]) & ~handled).toBe(0);
    expect(accessOf(words, '/srv/demo')).toBe(handled);
  });

  test('the system can be read and run, and nothing of it written', () => {
    const words = wordsOf({ landlockAbi: 7 });
    for (const path of ['/usr', '/bin', '/lib', '/etc', '/proc']) expect(accessOf(words, path)).toBe(READ);
    expect(accessOf(words, '/dev/null')).toBe(READ | WRITE_FILE | IOCTL);
    for (const path of ['/', '/home', '/root', '/var', '/run', '/srv']) expect(accessOf(words, path)).toBeUndefined();
  });

  test('root reads of /etc what everybody may, and no secrets', () => {
    const words = wordsOf({ landlockAbi: 7, asRoot: true });
    expect(accessOf(words, '/etc/passwd')).toBe(READ);
    for (const path of ['/etc', '/etc/shadow', '/etc/ssl']) expect(accessOf(words, path)).toBeUndefined();
  });

  test('a network that is shared is not taken away, and without Landlock nothing is asked for', () => {
    expect(
      wordsOf({ landlockAbi: 4, network: { kind: 'shared' } })
        .get('landlock')?.[0]
        ?.split(' ')[1],
    ).toBe('0');
    const without = wordsOf({ landlockAbi: 0 });
    expect([without.has('landlock'), without.has('path')]).toEqual([false, false]);
  });
});

test('memory is bounded by the process itself only where no control group does it; core files are never written', () => {
  const { memoryLimitBytes } = DEFAULT_LIMITS;
  expect(wordsOf({ memory: 'watchdog' }).get('limit')).toContain(`2 ${memoryLimitBytes} ${memoryLimitBytes}`);
  expect(
    wordsOf({ memory: 'cgroup' })
      .get('limit')
      ?.some((word) => word.startsWith('2 ')),
  ).toBe(false);
  expect(wordsOf({}).get('limit')).toContain('4 0 0');
});

test('each processor has its own numbers of system calls, and a filter of its own', () => {
  const seccomp = 'none';
  expect(wordsOf({}, 'x64').get('call')).toContain('openat 257');
  expect(wordsOf({}, 'arm64').get('call')).toContain('openat 56');
  const [x64, arm64] = (['x64', 'arm64'] as const).map((one) => wordsOf({ seccomp }, one).get('filter')?.[0]);
  expect(x64).toMatch(/^([0-9a-f]{16})+$/);
  expect(x64).not.toBe(arm64);
  expect(wordsOf({ seccomp: null }).has('filter')).toBe(false);
});
