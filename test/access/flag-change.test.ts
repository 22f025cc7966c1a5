import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changeFlag, findFlag } from '../../src/access/flag-change.ts';
import type { Registry } from '../../src/access/registry.ts';
import { tokenOf } from '../store/samples.ts';
import { acting, NOW, registryWith, teams } from './people.ts';

const off = registryWith([]);
const keys = off.feature_flags.map(({ key }) => key);

function turn(registry: Registry, key: string, enabled: boolean, withOthers = false, who = 'user:ops') {
  return changeFlag(registry, acting(who), { key, enabled, withOthers }, NOW);
}

function on({ feature_flags }: Registry): string[] {
  return feature_flags.filter(({ enabled }) => enabled).map(({ key }) => key);
}

test('a feature is not turned on without what it needs, and the fix is named', () => {
  expect(() => turn(off, 'compat_embeddings_api', true)).toThrow(
    expect.objectContaining({
      code: 'access.flag_off',
      message: 'compat_embeddings_api needs compat_api, which is off',
      hint: 'palyra flags enable compat_embeddings_api --with-deps',
    }),
  );
  const { registry, impact } = turn(off, 'compat_embeddings_api', true, true);
  expect(impact.flags).toEqual(['compat_api', 'compat_embeddings_api']);
  expect(on(registry ?? off)).toEqual(['compat_api', 'compat_embeddings_api', 'routines_automation']);
  expect(registry?.feature_flags[0]).toEqual({
    ...off.feature_flags[0],
    enabled: true,
    updated_at_unix_ms: NOW,
    updated_by_principal: 'user:ops',
  });
});

test('a feature is not turned off under what needs it, and the fix is named', () => {
  const registry = registryWith(['compat_api', 'api_tokens', 'compat_tools_invoke']);
  expect(() => turn(registry, 'compat_api', false)).toThrow(
    expect.objectContaining({
      code: 'store.conflict',
      message: 'compat_tools_invoke and api_tokens need compat_api',
      hint: 'palyra flags disable compat_api --cascade',
    }),
  );
  expect(turn(registry, 'compat_api', false, true).impact.flags).toEqual([
    'compat_tools_invoke',
    'api_tokens',
    'compat_api',
  ]);
});

test('however flags are turned, none that was turned is on without what it needs', () => {
  const turns = fc.array(fc.tuple(fc.constantFrom(...keys), fc.boolean(), fc.boolean()), { maxLength: 30 });
  fc.assert(
    fc.property(turns, (wanted) => {
      // routines_automation is on at first although what it needs is off
      let registry: Registry = { ...registryWith(['staged_rollout']), ...teams() };
      for (const [key, enabled, withOthers] of wanted) {
        try {
          registry = turn(registry, key, enabled, withOthers, 'user:owner@root').registry ?? registry;
        } catch (error) {
          expect(error).toMatchObject({ code: enabled ? 'access.flag_off' : 'store.conflict' });
        }
        for (const flag of registry.feature_flags) {
          if (flag.enabled) expect(flag.depends_on.filter((need) => !on(registry).includes(need))).toEqual([]);
        }
      }
    }),
  );
});

test('rbac is not turned on while nobody could turn it off', () => {
  expect(() => turn(registryWith(['team_mode']), 'rbac', true)).toThrow(
    expect.objectContaining({ code: 'store.conflict', message: 'rbac needs an owner, and there is none' }),
  );
  // an owner of another workspace than the first may not change flags
  const { workspaces, memberships } = teams();
  const rootless = memberships.filter(({ principal }) => principal !== 'user:owner@root');
  expect(() => turn(registryWith(['team_mode'], { workspaces, memberships: rootless }), 'rbac', true)).toThrow(
    'rbac needs an owner',
  );
  expect(turn(registryWith(['team_mode'], teams()), 'rbac', true).impact.flags).toEqual(['rbac']);
});

test('with rbac on only rollout.manage of the first workspace turns flags', () => {
  const registry = registryWith(['team_mode', 'rbac'], teams());
  expect(() => turn(registry, 'compat_api', true, false, 'user:owner@side')).toThrow('lacks rollout.manage');
  expect(turn(registry, 'compat_api', true, false, 'user:owner@root').impact.flags).toEqual(['compat_api']);
});

test('the impact names the tokens that stop, lose or start, and the commands that open or close', () => {
  const tokens = [
    { ...tokenOf('chat', 1), scopes: ['compat.chat.create'] },
    { ...tokenOf('both', 2), scopes: ['compat.embeddings.create', 'memory.use'] },
    { ...tokenOf('gone', 3), scopes: ['memory.use'], revoked_at_unix_ms: 1 },
    { ...tokenOf('over', 4), scopes: ['memory.use'], expires_at_unix_ms: NOW },
  ];
  const registry = registryWith(['compat_api', 'compat_embeddings_api', 'api_tokens'], { api_tokens: tokens });
  expect(turn(registry, 'compat_embeddings_api', false).impact.tokens).toEqual([
    { tokenId: tokens[1]?.token_id, label: 'both', gains: [], loses: ['compat.embeddings.create'], effect: 'changes' },
  ]);
  const { impact, registry: closed } = turn(registry, 'api_tokens', false);
  expect(impact).toMatchObject({
    commandsOpen: [],
    commandsClose: ['palyra tokens mint', 'palyra tokens rotate', 'PALYRA_TOKEN'],
  });
  expect(impact.tokens.map(({ label, effect }) => [label, effect])).toEqual([
    ['chat', 'stops'],
    ['both', 'stops'],
  ]);
  const again = turn(closed ?? registry, 'api_tokens', true).impact;
  expect(again.commandsOpen).toContain('palyra tokens mint');
  expect(again.tokens.map(({ effect }) => effect)).toEqual(['starts', 'starts']);
});

test('what is so already changes nothing; a name nobody knows gets the nearest', () => {
  expect(turn(off, 'compat_api', false)).toMatchObject({ impact: { flags: [] } });
  expect(turn(off, 'compat_api', false)).not.toHaveProperty('registry');
  expect(findFlag(off, ' API_tokens ').key).toBe('api_tokens');
  expect(() => findFlag(off, 'api_token')).toThrow(
    expect.objectContaining({ code: 'usage.unknown', hint: 'did you mean api_tokens?   palyra flags list' }),
  );
});

test('a circle that another program wrote ends', () => {
  const circle = {
    ...off,
    feature_flags: off.feature_flags.map((flag) =>
      flag.key === 'compat_api' ? { ...flag, depends_on: ['api_tokens'] } : flag,
    ),
  };
  const { registry } = turn(circle, 'compat_api', true, true);
  expect(on(registry ?? off)).toContain('api_tokens');
  expect(on(turn(registry ?? off, 'compat_api', false, true).registry ?? off)).not.toContain('api_tokens');
});
