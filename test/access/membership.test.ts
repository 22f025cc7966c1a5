import { describe, expect, test } from 'vitest';
import { removeMember, setRole } from '../../src/access/membership.ts';
import type { Registry, Role, Workspace } from '../../src/access/registry.ts';
import { actOf, NOW, OPS, registryWith, tokenFor } from './samples.ts';

const MEMBERS = { 'user:ann': 'owner', 'user:al': 'admin', 'user:bob': 'operator' } as const;
const TWO_OWNERS = { ...MEMBERS, 'user:eve': 'owner' } as const;

type Members = Readonly<Record<string, Role>>;

/** Who gives whom which role, and what comes of it: done, or the code of the refusal. */
const SETTINGS: readonly (readonly [Members, by: string, whom: string, Role, outcome: string])[] = [
  [MEMBERS, 'user:ann', 'user:bob', 'admin', 'done'],
  [MEMBERS, 'user:ann', 'user:bob', 'owner', 'done'],
  [MEMBERS, 'user:al', 'user:bob', 'admin', 'done'],
  [MEMBERS, 'user:al', 'user:bob', 'owner', 'access.forbidden'],
  [MEMBERS, 'user:al', 'user:al', 'owner', 'access.forbidden'],
  [MEMBERS, 'user:al', 'user:al', 'operator', 'done'],
  [MEMBERS, 'user:bob', 'user:bob', 'admin', 'access.forbidden'],
  [MEMBERS, 'user:stranger', 'user:bob', 'admin', 'done'],
  [MEMBERS, 'user:stranger', 'user:bob', 'owner', 'access.forbidden'],
  [MEMBERS, 'user:al', 'user:ann', 'operator', 'access.forbidden'],
  [MEMBERS, 'user:ann', 'user:ann', 'admin', 'store.conflict'],
  [TWO_OWNERS, 'user:ann', 'user:ann', 'admin', 'done'],
  [TWO_OWNERS, 'user:ann', 'user:eve', 'operator', 'done'],
  [TWO_OWNERS, 'user:al', 'user:eve', 'admin', 'access.forbidden'],
  [MEMBERS, 'user:ann', 'user:nobody', 'admin', 'store.not_found'],
];

test.each(SETTINGS)('of %j, %s makes %s %s: %s', (members, by, principal, role, outcome) => {
  const registry = registryWith(members);
  const set = () => setRole(registry, { workspace: opsOf(registry), principal, role }, actOf(by));
  if (outcome !== 'done') return expect(set).toThrow(expect.objectContaining({ code: outcome }));
  const after = set().registry;
  expect(rolesOf(after)).toEqual({ ...members, [principal]: role });
});

/** Who removes whom. */
const REMOVALS: readonly (readonly [Members, by: string, whom: string, outcome: string])[] = [
  [MEMBERS, 'user:ann', 'user:bob', 'done'],
  [MEMBERS, 'user:al', 'user:bob', 'done'],
  [MEMBERS, 'user:bob', 'user:bob', 'done'],
  [MEMBERS, 'user:al', 'user:ann', 'access.forbidden'],
  [MEMBERS, 'user:ann', 'user:ann', 'store.conflict'],
  [TWO_OWNERS, 'user:ann', 'user:ann', 'done'],
  [TWO_OWNERS, 'user:al', 'user:eve', 'access.forbidden'],
  [MEMBERS, 'user:ann', 'user:bo', 'store.not_found'],
];

test.each(REMOVALS)('of %j, %s removes %s: %s', (members, by, principal, outcome) => {
  const registry = registryWith(members);
  const remove = () => removeMember(registry, { workspace: opsOf(registry), principal }, actOf(by));
  if (outcome !== 'done') return expect(remove).toThrow(expect.objectContaining({ code: outcome }));
  const { [principal]: _, ...others } = members;
  expect(rolesOf(remove().registry)).toEqual(others);
});

test('the same role again changes nothing', () => {
  const registry = registryWith(MEMBERS);
  const set = setRole(registry, { workspace: opsOf(registry), principal: 'user:al', role: 'admin' }, actOf('user:ann'));
  expect(set).toMatchObject({ changed: false, registry });
});

test('a member who is there twice is there once after their role is set', () => {
  const once = registryWith(MEMBERS);
  const bob = once.memberships.at(-1);
  if (bob === undefined) throw new Error('no member');
  const registry = { ...once, memberships: [...once.memberships, { ...bob, membership_id: 'another' }] };
  const wish = { workspace: opsOf(registry), principal: 'user:bob', role: 'operator' } as const;
  const set = setRole(registry, wish, actOf('user:ann'));
  expect(set.registry.memberships.filter(({ principal }) => principal === 'user:bob')).toHaveLength(1);
  expect(set.changed).toBe(true);
});

describe('tokens of a member', () => {
  const admins = tokenFor('user:al', ['sessions.use', 'api_tokens.manage'], 'admin');
  const modest = { ...tokenFor('user:al', ['sessions.use']), token_id: '01JZZZZZZZZZZZZZZZZZZMDEST' };
  const elsewhere = { ...admins, token_id: '01JZZZZZZZZZZZZZZZZZZELSEW', workspace_id: null };
  const registry = { ...registryWith(MEMBERS), api_tokens: [admins, modest, elsewhere] };
  const al = { workspace: opsOf(registry), principal: 'user:al' };
  const revoked = { revoked_at_unix_ms: NOW, updated_at_unix_ms: NOW };

  test('do not do more than a lower role may', () => {
    const set = setRole(registry, { ...al, role: 'operator' }, actOf('user:ann'));
    expect(set.registry.api_tokens).toEqual([{ ...admins, ...revoked }, modest, elsewhere]);
    expect(set.revoked).toEqual([admins]);
  });

  test('end with their membership', () => {
    const removal = removeMember(registry, al, actOf('user:ann'));
    expect(removal.registry.api_tokens).toEqual([{ ...admins, ...revoked }, { ...modest, ...revoked }, elsewhere]);
  });
});

test('a token makes nobody more than its scopes', () => {
  const registry = registryWith(MEMBERS);
  const token = tokenFor('user:ann', ['workspace.memberships.manage'], 'admin');
  const wish = { workspace: opsOf(registry), principal: 'user:bob', role: 'admin' } as const;
  expect(() => setRole(registry, wish, actOf('user:ann', token))).toThrow(
    expect.objectContaining({ code: 'access.forbidden', why: expect.stringContaining('api_tokens.manage') }),
  );
});

function opsOf({ workspaces }: Registry): Workspace {
  const workspace = workspaces.find(({ workspace_id }) => workspace_id === OPS);
  if (workspace === undefined) throw new Error('no workspace');
  return workspace;
}

function rolesOf({ memberships }: Registry): Members {
  return Object.fromEntries(memberships.map(({ principal, role }) => [principal, role]));
}
