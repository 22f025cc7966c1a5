import { describe, expect, test } from 'vitest';
import { identify } from '../../src/access/actor.ts';
import { permissionsWithin, requirePermission } from '../../src/access/permission.ts';
import type { ApiToken } from '../../src/access/registry.ts';
import { PERMISSIONS, type Permission, parseRole, parseScope, permissionsOf } from '../../src/access/role.ts';
import { hashSecret } from '../../src/access/secret.ts';
import { tokenOf } from '../store/samples.ts';
import { acting, NOW, ROOT, registryWith, SIDE, teams } from './people.ts';

const rbac = registryWith(['team_mode', 'rbac'], teams());

test('the roles hold the specified permissions, fifteen in all', () => {
  expect(permissionsOf('operator')).toEqual([
    'compat.models.read',
    'compat.chat.create',
    'compat.embeddings.create',
    'compat.responses.create',
    'compat.tools.invoke',
    'sessions.use',
    'memory.use',
    'routines.use',
    'observability.read',
  ]);
  expect(permissionsOf('admin').slice(9)).toEqual([
    'api_tokens.manage',
    'workspace.memberships.manage',
    'workspace.sharing.manage',
  ]);
  expect(permissionsOf('owner').slice(12)).toEqual(['workspace.manage', 'trust.operate', 'rollout.manage']);
  expect(PERMISSIONS).toHaveLength(15);
});

test('words of roles and scopes are trimmed and lower-cased; unknown ones get the nearest', () => {
  expect(parseRole(' Owner ')).toBe('owner');
  expect(parseScope(' MEMORY.use')).toBe('memory.use');
  expect(() => parseRole('ownr')).toThrow(
    expect.objectContaining({ code: 'usage.unknown', hint: expect.stringContaining('owner') }),
  );
  expect(() => parseScope('memory.usee')).toThrow(
    expect.objectContaining({ code: 'usage.unknown', hint: expect.stringContaining('memory.use?') }),
  );
  expect(() => parseScope(' ')).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
});

describe('with rbac on', () => {
  /** who, what, where, whether */
  const cases: readonly (readonly [string, Permission, string | undefined, boolean])[] = [
    ['user:owner@root', 'rollout.manage', undefined, true],
    ['user:owner@root', 'trust.operate', SIDE, true],
    ['user:owner@root', 'api_tokens.manage', ROOT, true],
    ['user:owner@root', 'api_tokens.manage', SIDE, false],
    ['user:owner@side', 'rollout.manage', undefined, false],
    ['user:owner@side', 'trust.operate', SIDE, false],
    ['user:owner@side', 'workspace.manage', SIDE, true],
    ['user:owner@side', 'workspace.manage', ROOT, false],
    ['user:admin@root', 'api_tokens.manage', ROOT, true],
    ['user:admin@root', 'rollout.manage', undefined, false],
    ['user:operator@root', 'api_tokens.manage', ROOT, false],
    ['user:operator@root', 'memory.use', ROOT, true],
    ['user:stranger', 'memory.use', undefined, false],
  ];
  test.each(cases)('%s, %s in %s: %s', (who, permission, where, may) => {
    const attempt = () => requirePermission(rbac, acting(who), permission, where);
    if (may) attempt();
    else expect(attempt).toThrow(expect.objectContaining({ code: 'access.forbidden' }));
  });

  test('a refusal says what is missing, where, and who has it', () => {
    expect(() => requirePermission(rbac, acting('user:operator@side'), 'api_tokens.manage', SIDE)).toThrow(
      expect.objectContaining({
        message: 'user:operator@side lacks api_tokens.manage in workspace side',
        why: 'held by user:owner@side (owner), user:admin@side (admin)',
      }),
    );
    // what reaches beyond a workspace is held in the first
    expect(() => requirePermission(rbac, acting('user:owner@side'), 'rollout.manage')).toThrow(
      expect.objectContaining({ why: 'held by user:owner@root (owner)' }),
    );
  });
});

test('without rbac whoever can write the state may do everything; a token no more than its scopes', () => {
  const open = registryWith(['compat_api', 'api_tokens']);
  expect([...permissionsWithin(open, acting('user:anybody'))]).toEqual([...PERMISSIONS]);
  const token: ApiToken = { ...tokenOf('ci', 1), scopes: ['memory.use'] };
  expect([...permissionsWithin(open, acting('user:ops', token))]).toEqual(['memory.use']);
  expect(() => requirePermission(open, acting('user:ops', token), 'rollout.manage')).toThrow('lacks the scope');
});

test("a workspace's token reaches no other workspace of its principal, and not the first", () => {
  const members = teams().memberships.map((member) => ({ ...member, principal: 'user:both' }));
  const registry = registryWith(['team_mode', 'rbac'], { ...teams(), memberships: members });
  const token: ApiToken = { ...tokenOf('ci', 1), principal: 'user:both', scopes: [...PERMISSIONS], workspace_id: SIDE };
  expect(permissionsWithin(registry, acting('user:both', token), ROOT).size).toBe(0);
  expect(permissionsWithin(registry, acting('user:both', token), SIDE).has('workspace.manage')).toBe(true);
  expect(permissionsWithin(registry, acting('user:both', token)).has('trust.operate')).toBe(false);
  // blank is how other programs leave it out
  expect(
    permissionsWithin(registry, acting('user:both', { ...token, workspace_id: '' }), ROOT).has('trust.operate'),
  ).toBe(true);
});

describe('who acts', () => {
  const claim = { login: 'ops', uid: 1000, pid: 7, host: 'here' };
  const secret = 'palyra_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_';
  const token: ApiToken = {
    ...tokenOf('ci', 1),
    principal: 'user:ci',
    token_hash_sha256: hashSecret(secret),
    scopes: ['memory.use'],
  };
  const withToken = registryWith(['compat_api', 'api_tokens'], { api_tokens: [token] });

  test('the login of the uid, unless a token authenticates another principal', () => {
    expect(identify(withToken, claim, NOW)).toMatchObject({ principal: 'user:ops', token: null });
    expect(identify(withToken, { ...claim, secret }, NOW)).toEqual({
      principal: 'user:ci',
      actor: { principal: 'user:ci', uid: 1000, pid: 7, host: 'here' },
      token,
    });
  });

  test('the journal knows both, who acts and for whom', () => {
    expect(identify(withToken, { ...claim, as: 'user:alice' }, NOW)).toEqual({
      principal: 'user:alice',
      actor: { principal: 'user:ops', uid: 1000, pid: 7, host: 'here', as: 'user:alice' },
      token: null,
    });
  });

  test('--as needs trust.operate: of the first workspace with rbac, of the scopes with a token', () => {
    expect(() => identify(rbac, { ...claim, login: 'owner@side', as: 'user:x' }, NOW)).toThrow('lacks trust.operate');
    expect(identify(rbac, { ...claim, login: 'owner@root', as: 'user:x' }, NOW)).toMatchObject({ principal: 'user:x' });
    expect(() => identify(withToken, { ...claim, secret, as: 'user:x' }, NOW)).toThrow('lacks the scope trust.operate');
  });

  test.each([
    ['unknown', withToken, 'palyra_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB'],
    ['malformed', withToken, 'hello'],
    ['feature_off', { ...withToken, feature_flags: [] }, secret],
    ['revoked', { ...withToken, api_tokens: [{ ...token, revoked_at_unix_ms: NOW - 1 }] }, secret],
    ['expired', { ...withToken, api_tokens: [{ ...token, expires_at_unix_ms: NOW }] }, secret],
  ])('a token that is %s authenticates nobody', (invalid, registry, presented) => {
    expect(identify(registry, { ...claim, secret: presented }, NOW)).toMatchObject({ invalid });
  });

  test.each([' ', 'x'.repeat(129), 'user:\u202eops'])('a principal %j is refused, and not echoed', (as) => {
    expect(() => identify(withToken, { ...claim, as }, NOW)).toThrow(
      /^--as (is blank|is too long|has invisible)[^\u202e]*$/,
    );
  });
});
