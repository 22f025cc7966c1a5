import { describe, expect, test } from 'vitest';
import { PalyraError } from '../../src/errors.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { DEFAULT_LIMITS } from '../../src/sandbox/limits.ts';
import { narrowRules, narrowWorkspace, type RunRules, type RunWish } from '../../src/sandbox/narrowing.ts';

const RULES: RunRules = {
  tier: 'b',
  egress: 'preflight',
  hosts: parseHostRules(['registry.example.org', '127.0.0.1:5432'], ['example.net']),
  limits: DEFAULT_LIMITS,
};
const WISH: RunWish = { hosts: [], limits: {} };

function reasonOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof PalyraError ? (error.details?.reason_code ?? error.code) : error;
  }
  return 'accepted';
}

describe('options', () => {
  test('that are left out leave the configuration as it is', () => {
    expect(narrowRules(RULES, WISH, false)).toEqual({ ...RULES, asks: undefined });
  });

  test('contain more, let out less, take less', () => {
    const wish = { tier: 'c', egress: 'strict', hosts: ['a.example.net'], limits: { timeoutMs: 1000 } } as const;
    expect(narrowRules(RULES, wish, false)).toEqual({
      tier: 'c',
      egress: 'strict',
      hosts: parseHostRules(['a.example.net'], []),
      limits: { ...DEFAULT_LIMITS, timeoutMs: 1000 },
      asks: undefined,
    });
  });

  test.each<[string, Partial<RunWish>, Partial<RunRules>, string]>([
    ['a weaker tier', { tier: 'b' }, { tier: 'c' }, 'exec.tier_wider'],
    ['more egress', { egress: 'none' }, {}, 'exec.egress_wider'],
    ['another host', { hosts: ['evil.example'] }, {}, 'exec.host_not_listed'],
    ['another port of a listed host', { hosts: ['registry.example.org:22'] }, {}, 'exec.host_not_listed'],
    ['another service of this machine', { hosts: ['127.0.0.1:22'] }, {}, 'exec.host_not_listed'],
    ['more time', { limits: { timeoutMs: 31_000 } }, {}, 'usage.invalid'],
    [
      'the same',
      { tier: 'b', egress: 'preflight', hosts: ['REGISTRY.example.org.', '127.0.0.1:5432'] },
      {},
      'accepted',
    ],
  ])('%s', (_, wish, rules, reason) => {
    expect(reasonOf(() => narrowRules({ ...RULES, ...rules }, { ...WISH, ...wish }, false))).toBe(reason);
  });

  test('are told by their own names and units', () => {
    const limits = { timeoutMs: 60_000 };
    expect(() => narrowRules(RULES, { ...WISH, limits }, false)).toThrow(
      expect.objectContaining({
        message: '--timeout 60s is more than the configuration allows',
        why: 'at most 30s (timeout_ms)',
      }),
    );
    const memory = { ...WISH, limits: { memoryLimitBytes: 8 * 1024 ** 3 } };
    expect(() => narrowRules(RULES, memory, false)).toThrow('--memory 8g is more than the configuration allows');
    const configured = { ...RULES, limits: { ...DEFAULT_LIMITS, maxProcesses: 65_536 } };
    expect(() => narrowRules(configured, WISH, false)).toThrow('max_processes = 65536 is out of range');
  });

  test('name another host only on a terminal, and then a person has to allow it', () => {
    const narrowed = narrowRules(RULES, { ...WISH, hosts: ['evil.example', 'registry.example.org'] }, true);
    expect(narrowed.asks).toBe('beyond the configured hosts: evil.example');
  });
});

test('a workspace stays below the one that is configured', () => {
  const given = ['/srv/demo', '/srv/demo/a', '/srv/demolition', '/srv'];
  expect(given.map((path) => reasonOf(() => narrowWorkspace('/srv/demo', path)))).toEqual([
    'accepted',
    'accepted',
    'exec.workspace_wider',
    'exec.workspace_wider',
  ]);
  expect(narrowWorkspace(undefined, '/anywhere')).toBe('/anywhere');
});
