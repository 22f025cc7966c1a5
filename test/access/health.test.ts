import { expect, test } from 'vitest';
import { examineRegistry, repairRegistry } from '../../src/access/health.ts';
import { permissionsWithin } from '../../src/access/permission.ts';
import type { Registry } from '../../src/access/registry.ts';
import { PERMISSIONS } from '../../src/access/role.ts';
import { actingAs, NOW, OPS, registryWith, tokenFor } from './samples.ts';

const sound = registryWith({ 'user:ann': 'owner', 'user:bob': 'operator' }, ['team_mode', 'rbac']);
const [ann, bob] = sound.memberships;
if (ann === undefined || bob === undefined) throw new Error('no members');
const GONE = { workspace_id: '01JZZZZZZZZZZZZZZZZZZZG0NE' };
const stray = {
  invitation_id: '01JZZZZZZZZZZZZZZZZZZZ1NV1',
  invited_identity: 'user:cat',
  role: 'owner' as const,
  token_hash_sha256: '',
  issued_by_principal: 'user:ann',
  created_at_unix_ms: 0,
  expires_at_unix_ms: 0,
  ...GONE,
};

/** A registry, and the codes of what is odd about it: with ! it is wrong, with + it can be repaired. */
const ODD: readonly (readonly [name: string, Registry, codes: readonly string[]])[] = [
  ['a sound one', sound, []],
  ['no flags', { ...sound, feature_flags: sound.feature_flags.slice(1) }, ['+!registry.flag_missing']],
  ['a flag without what it needs, as nobody left it', registryWith({ 'user:ann': 'owner' }, ['rbac']), []],
  ['the same, turned by somebody', turned(['rbac']), ['!registry.flag_dependency_off']],
  ['a workspace that nothing runs for', unbound(), ['+!registry.workspace_unbound']],
  [
    'a member of nothing',
    { ...sound, memberships: [ann, bob, { ...bob, ...GONE }] },
    ['+!registry.membership_orphaned'],
  ],
  ['an invitation to nothing', { ...sound, invitations: [stray] }, ['+!registry.invitation_orphaned']],
  ['a member twice', { ...sound, memberships: [ann, bob, { ...bob }] }, ['+!registry.membership_duplicate']],
  [
    'a member of two roles',
    { ...sound, memberships: [ann, bob, { ...bob, role: 'admin' }] },
    ['!registry.membership_duplicate'],
  ],
  ['nobody who may turn rbac off', { ...sound, memberships: [bob] }, ['!registry.nobody_owns_root']],
  ['a token without scopes', { ...sound, api_tokens: [tokenFor('user:bob', [])] }, ['!registry.token_without_scopes']],
  [
    'an expired token',
    { ...sound, api_tokens: [{ ...tokenFor('user:bob', []), expires_at_unix_ms: NOW }] },
    ['registry.token_expired'],
  ],
  [
    'a revoked token without scopes',
    { ...sound, api_tokens: [{ ...tokenFor('user:bob', []), revoked_at_unix_ms: 1 }] },
    [],
  ],
];

test.each(ODD)('%s', (_name, registry, codes) => {
  const found = examineRegistry(registry, NOW);
  expect(found.map(({ code, isWrong, isFixable }) => `${isFixable ? '+' : ''}${isWrong ? '!' : ''}${code}`)).toEqual(
    codes,
  );
});

test.each(ODD)('repairing %s leaves what cannot be, gives nobody a right, and takes none', (_name, registry) => {
  const repaired = repairRegistry(registry);
  expect(examineRegistry(repaired, NOW)).toEqual(examineRegistry(registry, NOW).filter((one) => !one.isFixable));
  expect(repairRegistry(repaired)).toEqual(repaired);
  expect(repaired.api_tokens).toEqual(registry.api_tokens);
  for (const principal of ['user:ann', 'user:bob', 'user:cat']) {
    const held = (state: Registry) => permissionsWithin(state, actingAs(principal), OPS);
    expect(PERMISSIONS.filter((one) => held(repaired).has(one))).toEqual(
      PERMISSIONS.filter((one) => held(registry).has(one)),
    );
  }
});

function turned(flags: readonly string[]): Registry {
  const registry = registryWith({ 'user:ann': 'owner' }, flags);
  return { ...registry, feature_flags: registry.feature_flags.map((flag) => ({ ...flag, updated_at_unix_ms: NOW })) };
}

function unbound(): Registry {
  return { ...sound, workspaces: sound.workspaces.map((workspace) => ({ ...workspace, runtime_principal: '' })) };
}
