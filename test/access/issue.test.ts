import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findToken, mintToken, revokeToken, rotateToken, type TokenRequest } from '../../src/access/issue.ts';
import { permissionsWithin } from '../../src/access/permission.ts';
import type { ApiToken, Registry } from '../../src/access/registry.ts';
import { PERMISSIONS, permissionsOf, ROLES } from '../../src/access/role.ts';
import { formSecret, hashSecret } from '../../src/access/secret.ts';
import { authenticateToken, missingScope, showTokens } from '../../src/access/token.ts';
import { ulid } from '../../src/ids.ts';
import { acting, NOW, registryWith, SIDE, teams } from './people.ts';

const ON = ['compat_api', 'api_tokens'];
const open = registryWith(ON);
const rbac = registryWith([...ON, 'team_mode', 'rbac'], teams());
const MINUTE = 60_000;

function draw(n: number) {
  const bytes = new Uint8Array(32).fill(n);
  return { tokenId: ulid(NOW, bytes), secret: formSecret('palyra_', bytes) };
}

function mint(registry: Registry, who: string, request: Partial<TokenRequest> = {}, n = 1) {
  return mintToken(registry, acting(who), { label: 'ci', scopes: [], ...request }, draw(n), NOW);
}

describe('mint', () => {
  test('keeps the specified record, and the secret nowhere', () => {
    const { token, registry } = mint(open, 'user:ops', {
      scopes: [' Memory.USE', 'compat.chat.create', 'memory.use'],
      expires: '30d',
    });
    expect(token).toEqual({
      token_id: draw(1).tokenId,
      label: 'ci',
      token_prefix: draw(1).secret.slice(0, 11),
      token_hash_sha256: hashSecret(draw(1).secret),
      scopes: ['compat.chat.create', 'memory.use'],
      principal: 'user:ops',
      role: 'operator',
      rate_limit_per_minute: 120,
      created_at_unix_ms: NOW,
      updated_at_unix_ms: NOW,
      expires_at_unix_ms: NOW + 30 * 86_400_000,
    });
    expect(JSON.stringify(registry)).not.toContain(draw(1).secret);
  });

  test.each(ROLES)("without scopes it has the role's: %s", (role) => {
    expect(mint(open, 'user:ops', { role }).token.scopes).toEqual([...permissionsOf(role)].sort());
  });

  test.each([
    [0, 10],
    [10, 10],
    [10_000, 10_000],
    [999_999_999, 10_000],
  ])('a limit of %i a minute becomes %i', (perMinute, kept) => {
    expect(mint(open, 'user:ops', { perMinute }).token.rate_limit_per_minute).toBe(kept);
  });

  test.each<[string, Partial<TokenRequest>, string]>([
    ['a blank label', { label: '  ' }, 'usage.invalid'],
    ['a label that hides something', { label: 'ci\u202e' }, 'usage.invalid'],
    ['a label too long', { label: 'é'.repeat(65) }, 'usage.invalid'],
    ['a blank principal', { principal: ' ' }, 'usage.invalid'],
    ['a blank scope', { scopes: [' '] }, 'usage.invalid'],
    ['a scope nobody knows', { scopes: ['compat.chat.creat'] }, 'usage.unknown'],
    ['a role nobody knows', { role: 'root' }, 'usage.unknown'],
    ['a workspace nobody knows', { workspace: '5G5FAV' }, 'store.not_found'],
    ['an expiry in the past', { expires: '2020-01-01T00:00:00Z' }, 'usage.invalid'],
    ['an expiry now', { expires: new Date(NOW).toISOString() }, 'usage.invalid'],
    ['an expiry without unit', { expires: '30' }, 'usage.invalid'],
    ['an expiry in months', { expires: '3mo' }, 'usage.invalid'],
  ])('%s is refused', (_name, request, code) => {
    expect(() => mint(open, 'user:ops', request)).toThrow(expect.objectContaining({ code }));
  });

  test('needs the flag, and says since when it is off, by whom and why', () => {
    expect(() => mint(registryWith([]), 'user:ops')).toThrow(
      expect.objectContaining({ code: 'access.flag_off', hint: 'palyra flags enable api_tokens --with-deps' }),
    );
    const flags = open.feature_flags.map((flag) =>
      flag.key === 'api_tokens'
        ? { ...flag, enabled: false, updated_at_unix_ms: NOW, updated_by_principal: 'user:oncall' }
        : flag,
    );
    const event = {
      event_id: 'e',
      feature_key: 'api_tokens',
      category: 'rollout',
      outcome: 'success',
      detail: 'incident 41',
      recorded_at_unix_ms: NOW,
    };
    expect(() => mint({ ...open, feature_flags: flags, telemetry: [event] }, 'user:ops')).toThrow(
      expect.objectContaining({
        message: 'API tokens are switched off (flag api_tokens)',
        why: 'flag api_tokens is off since 2027-01-15 (user:oncall, "incident 41")',
        hint: 'palyra flags enable api_tokens',
      }),
    );
  });

  test("a workspace's token is for one of its members, by whom manages tokens there", () => {
    const request = { workspace: 'side', principal: 'user:operator@side', scopes: ['memory.use'] };
    expect(mint(rbac, 'user:admin@side', request).token.workspace_id).toBe(SIDE);
    expect(() => mint(rbac, 'user:operator@side', request)).toThrow('lacks api_tokens.manage in workspace side');
    expect(() => mint(rbac, 'user:owner@root', request)).toThrow('lacks api_tokens.manage in workspace side');
    expect(() => mint(rbac, 'user:admin@side', { ...request, principal: 'user:operator@root' })).toThrow(
      'is not a member of workspace side',
    );
    // whoever may do everything still makes no token that nobody could use
    expect(() => mint({ ...open, ...teams() }, 'user:ops', { ...request, principal: 'user:ops' })).toThrow(
      'is not a member',
    );
  });

  test('a token without a workspace is for oneself', () => {
    expect(mint(rbac, 'user:operator@root').token.principal).toBe('user:operator@root');
    expect(() => mint(rbac, 'user:operator@root', { principal: 'user:owner@root' })).toThrow('lacks api_tokens.manage');
    expect(() => mint(rbac, 'user:owner@root', { principal: 'user:operator@root' })).toThrow('is for oneself');
  });

  test('nobody hands on more than they have', () => {
    const { memberships } = teams();
    fc.assert(
      fc.property(
        fc.constantFrom(...memberships.map(({ principal }) => principal), 'user:stranger'),
        fc.option(fc.constantFrom('root', 'side')),
        fc.uniqueArray(fc.constantFrom(...PERMISSIONS)),
        fc.option(fc.constantFrom(...ROLES)),
        fc.option(fc.uniqueArray(fc.constantFrom(...PERMISSIONS), { minLength: 1 })),
        fc.boolean(),
        (who, workspace, scopes, role, own, isRbac) => {
          const registry = isRbac ? rbac : { ...rbac, feature_flags: open.feature_flags };
          const by = own === null ? acting(who) : acting(who, { ...mint(open, who).token, scopes: own });
          let token: ApiToken;
          try {
            const request = { label: 'x', scopes, role: role ?? undefined, workspace: workspace ?? undefined };
            token = mintToken(registry, by, request, draw(3), NOW).token;
          } catch (error) {
            expect(error).toMatchObject({ code: 'access.forbidden' });
            return;
          }
          const held = permissionsWithin(registry, by, token.workspace_id ?? undefined);
          expect(token.scopes.filter((scope) => !held.has(scope))).toEqual([]);
          if (own !== null) expect(own).toContain('api_tokens.manage');
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('rotate', () => {
  const before = mint(open, 'user:ops', { scopes: ['memory.use'], role: 'admin', perMinute: 50, expires: '1h' });
  const rotate = (registry: Registry, graceMs: number, expires?: string, n = 2) =>
    rotateToken(registry, acting('user:ops'), before.token.token_id.slice(-6), { graceMs, expires }, draw(n), NOW + 1);

  test('hands on all rights, and ends the old secret in the same change', () => {
    const { registry, token, rotated } = rotate(before.registry, 0);
    expect(token).toEqual({
      ...before.token,
      token_id: draw(2).tokenId,
      token_prefix: draw(2).secret.slice(0, 11),
      token_hash_sha256: hashSecret(draw(2).secret),
      created_at_unix_ms: NOW + 1,
      updated_at_unix_ms: NOW + 1,
      rotated_from_token_id: before.token.token_id,
    });
    expect(rotated).toEqual({ ...before.token, updated_at_unix_ms: NOW + 1, revoked_at_unix_ms: NOW + 1 });
    expect(authenticateToken(registry, draw(1).secret, NOW + 1)).toMatchObject({ invalid: 'revoked' });
    expect(authenticateToken(registry, draw(2).secret, NOW + 1)).toEqual({ token });
  });

  test('with a grace both work until it is over, and the old one never longer than before', () => {
    const { registry } = rotate(before.registry, 15 * MINUTE);
    expect(showTokens(registry, NOW + 2).map(({ state }) => state)).toEqual(['rotating', 'active']);
    expect(showTokens(registry, NOW + 1 + 15 * MINUTE).map(({ state }) => state)).toEqual(['expired', 'active']);
    expect(rotate(before.registry, 3 * 60 * MINUTE).rotated.expires_at_unix_ms).toBe(NOW + 60 * MINUTE);
    const endless = mint(open, 'user:ops');
    expect(rotate(endless.registry, MINUTE).rotated.expires_at_unix_ms).toBe(NOW + 1 + MINUTE);
  });

  test('the successor keeps the expiry, unless told otherwise', () => {
    expect(rotate(before.registry, 0).token.expires_at_unix_ms).toBe(NOW + 60 * MINUTE);
    expect(rotate(before.registry, 0, '2h').token.expires_at_unix_ms).toBe(NOW + 1 + 120 * MINUTE);
    expect(rotate(before.registry, 0, 'never').token).not.toHaveProperty('expires_at_unix_ms');
  });

  test('what is revoked, expired or rotated already is not rotated', () => {
    const of = (fields: Partial<ApiToken>) => ({ ...open, api_tokens: [{ ...before.token, ...fields }] });
    expect(() => rotate(of({ revoked_at_unix_ms: 1 }), 0)).toThrow('is revoked');
    expect(() => rotate(of({ expires_at_unix_ms: NOW }), 0)).toThrow('has expired');
    expect(() => rotate(rotate(before.registry, MINUTE).registry, MINUTE, undefined, 3)).toThrow('is rotated already');
  });

  test("an admin does not become an owner by rotating an owner's token", () => {
    const owners = mint(rbac, 'user:owner@root', { workspace: 'root', role: 'owner' });
    const steal = () =>
      rotateToken(owners.registry, acting('user:admin@root'), owners.token.token_id, { graceMs: 0 }, draw(2), NOW);
    expect(steal).toThrow(
      expect.objectContaining({ code: 'access.forbidden', why: 'rollout.manage, trust.operate, workspace.manage' }),
    );
  });
});

describe('revoke', () => {
  test('ends a token, keeps the first time, and needs no flag', () => {
    const { token, registry } = mint(open, 'user:ops');
    const off = { ...registry, feature_flags: registryWith([]).feature_flags };
    const first = revokeToken(off, acting('user:ops'), token.token_id, NOW + 5);
    expect(first.token.revoked_at_unix_ms).toBe(NOW + 5);
    expect(revokeToken(first.registry ?? off, acting('user:ops'), token.token_id, NOW + 9)).toEqual({
      token: first.token,
    });
  });

  test('whoever manages tokens there may end one beyond their own rights; others may not', () => {
    const owners = mint(rbac, 'user:owner@root', { workspace: 'root', role: 'owner' });
    const own = mint(owners.registry, 'user:operator@side', {}, 2);
    const revoke = (who: string, token: ApiToken) => revokeToken(own.registry, acting(who), token.token_id, NOW);
    expect(revoke('user:admin@root', owners.token).token.revoked_at_unix_ms).toBe(NOW);
    expect(() => revoke('user:admin@side', owners.token)).toThrow('lacks api_tokens.manage in workspace root');
    expect(revoke('user:operator@side', own.token).token.revoked_at_unix_ms).toBe(NOW);
    expect(revoke('user:admin@root', own.token).token.revoked_at_unix_ms).toBe(NOW);
    expect(() => revoke('user:operator@root', own.token)).toThrow('lacks api_tokens.manage');
  });
});

test('a token is named by its id or the end of it, never by its secret', () => {
  const { registry, token } = mint(open, 'user:ops');
  expect(findToken(registry, token.token_id, NOW)).toBe(token);
  expect(findToken(registry, `…${token.token_id.slice(-6).toLowerCase()}`, NOW)).toBe(token);
  expect(() => findToken(registry, draw(1).secret, NOW)).toThrow(
    expect.objectContaining({ code: 'usage.secret_argument' }),
  );
  expect(() => findToken(registry, '5G5FAV', NOW)).toThrow(expect.objectContaining({ code: 'store.not_found' }));
  const twin = { ...token, token_id: `7${token.token_id.slice(1)}` };
  expect(() => findToken({ ...registry, api_tokens: [token, twin] }, token.token_id.slice(-6), NOW)).toThrow(
    expect.objectContaining({ code: 'usage.invalid', why: `${token.token_id}, ${twin.token_id}` }),
  );
});

test('a token is named by a label that no other live token has', () => {
  const first = mint(open, 'user:ops', {}, 1);
  const both = mint(first.registry, 'user:ops', {}, 2);
  expect(findToken(first.registry, 'ci', NOW)).toBe(first.token);
  expect(() => findToken(both.registry, 'ci', NOW)).toThrow(
    expect.objectContaining({
      code: 'usage.invalid',
      message: 'ci means 2 tokens',
      why: `${first.token.token_id}, ${both.token.token_id}`,
    }),
  );
  const revoked = revokeToken(both.registry, acting('user:ops'), first.token.token_id, NOW).registry ?? open;
  expect(findToken(revoked, 'ci', NOW)).toBe(both.token);
  const none = revokeToken(revoked, acting('user:ops'), 'ci', NOW).registry ?? open;
  expect(() => findToken(none, 'ci', NOW)).toThrow(
    expect.objectContaining({ code: 'store.not_found', why: expect.stringContaining(first.token.token_id) }),
  );
});

test('a label that is the end of the id of another token names neither', () => {
  const first = mint(open, 'user:ops', {}, 1);
  const label = first.token.token_id.slice(-6);
  const { registry } = mint(first.registry, 'user:ops', { label }, 2);
  expect(() => findToken(registry, label, NOW)).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
});

test('a compat scope needs its features too', () => {
  const { token } = mint(open, 'user:ops');
  expect(missingScope(open, token, ['compat.chat.create', 'memory.use'])).toBeNull();
  expect(missingScope(open, token, ['memory.use', 'trust.operate'])).toEqual({ scope: 'trust.operate' });
  expect(missingScope(open, token, ['compat.embeddings.create'])).toEqual({
    scope: 'compat.embeddings.create',
    flag: 'compat_embeddings_api',
  });
  expect(missingScope(registryWith(['api_tokens']), token, ['compat.chat.create'])).toMatchObject({
    flag: 'compat_api',
  });
  expect(missingScope(registryWith(['api_tokens']), token, ['memory.use'])).toBeNull();
});
