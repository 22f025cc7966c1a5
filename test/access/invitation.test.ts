import { expect, test } from 'vitest';
import { accept, invitationState, invite } from '../../src/access/invitation.ts';
import type { Registry, Role, Workspace } from '../../src/access/registry.ts';
import { formSecret, hashSecret } from '../../src/access/secret.ts';
import { actOf, NOW, registryWith } from './samples.ts';

const MEMBERS = { 'user:ann': 'owner', 'user:al': 'admin' } as const;
const SECRET = formSecret('palyrai_', new Uint8Array(32).fill(7));
const DAY = 86_400_000;

function inviting(registry: Registry, by: string, identity: string, role: Role, secret = SECRET) {
  const workspace = registry.workspaces[0] as Workspace;
  return invite(registry, { workspace, identity, role, expiresAt: NOW + DAY, secret }, actOf(by));
}

test.each([
  ['user:ann', 'user:bob', 'owner', 'done'],
  ['user:al', 'user:bob', 'admin', 'done'],
  ['user:al', 'user:bob', 'owner', 'access.forbidden'],
  ['user:stranger', 'user:bob', 'owner', 'access.forbidden'],
  ['user:ann', 'user:al', 'operator', 'store.conflict'],
] as const)('%s invites %s as %s: %s', (by, identity, role, outcome) => {
  const make = () => inviting(registryWith(MEMBERS), by, identity, role);
  if (outcome !== 'done') return expect(make).toThrow(expect.objectContaining({ code: outcome }));
  expect(make().invitation).toMatchObject({ invited_identity: identity, role, issued_by_principal: by });
});

test('only the hash of the secret is kept', () => {
  const { registry } = inviting(registryWith(MEMBERS), 'user:ann', 'user:bob', 'admin');
  expect(JSON.stringify(registry)).not.toContain(SECRET);
  expect(registry.invitations).toMatchObject([{ token_hash_sha256: hashSecret(SECRET) }]);
});

test('an invitation that would have expired already is refused', () => {
  const registry = registryWith(MEMBERS);
  const workspace = registry.workspaces[0] as Workspace;
  const late = { workspace, identity: 'user:bob', role: 'operator', expiresAt: NOW, secret: SECRET } as const;
  expect(() => invite(registry, late, actOf('user:ann'))).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
});

test('a second invitation takes the place of the first, whatever the case of the identity', () => {
  const first = inviting(registryWith(MEMBERS), 'user:ann', 'user:bob', 'admin').registry;
  const other = formSecret('palyrai_', new Uint8Array(32).fill(8));
  const second = inviting(first, 'user:al', 'User:BOB', 'operator', other);
  expect(second.registry.invitations).toEqual([second.invitation]);
  expect(() => accept(second.registry, SECRET, actOf('user:bob'))).toThrow(
    expect.objectContaining({ code: 'store.not_found' }),
  );
});

test('only an owner takes the invitation of an owner away', () => {
  const { registry } = inviting(registryWith(MEMBERS), 'user:ann', 'user:bob', 'owner');
  expect(() => inviting(registry, 'user:al', 'user:bob', 'operator')).toThrow(
    expect.objectContaining({ code: 'access.forbidden' }),
  );
});

test('accepting makes the invited a member, with the role of the invitation', () => {
  const { registry, invitation } = inviting(registryWith(MEMBERS), 'user:ann', 'USER:bob', 'admin');
  const accepted = accept(registry, SECRET, { ...actOf('user:Bob'), now: NOW + 1 });
  expect(accepted.membership).toMatchObject({ principal: 'user:Bob', role: 'admin', created_by_principal: 'user:ann' });
  expect(accepted.registry.memberships).toHaveLength(3);
  const done = { ...invitation, accepted_by_principal: 'user:Bob', accepted_at_unix_ms: NOW + 1 };
  expect(accepted.registry.invitations).toEqual([done]);
  expect(invitationState(done, NOW + 2 * DAY)).toBe('accepted');
});

/** What is wrong in each row is wrong in all rows below it too: the first that is checked answers. */
test('unknown, accepted, expired, identity are checked in this order', () => {
  const { registry } = inviting(registryWith(MEMBERS), 'user:ann', 'user:bob', 'admin');
  const accepted = accept(registry, SECRET, actOf('user:bob')).registry;
  const late = { ...actOf('user:eve'), now: NOW + DAY };
  const unknown = formSecret('palyrai_', new Uint8Array(32));
  expect(() => accept(accepted, unknown, late)).toThrow('no invitation has this secret');
  expect(() => accept(accepted, SECRET, late)).toThrow('the invitation was accepted already');
  expect(() => accept(registry, SECRET, late)).toThrow('the invitation has expired');
  expect(() => accept(registry, SECRET, actOf('user:eve'))).toThrow('the invitation is for somebody else');
});

test('the letters of other alphabets are not folded', () => {
  const { registry } = inviting(registryWith(MEMBERS), 'user:ann', 'user:ÉVE', 'operator');
  expect(() => accept(registry, SECRET, actOf('user:éve'))).toThrow('the invitation is for somebody else');
});

test('a member does not become one again', () => {
  const { registry } = inviting(registryWith(MEMBERS), 'user:ann', 'user:bob', 'admin');
  const [one] = registryWith({ 'user:bob': 'operator' }).memberships;
  if (one === undefined) throw new Error('no member');
  const twice = { ...registry, memberships: [...registry.memberships, one] };
  expect(() => accept(twice, SECRET, actOf('user:bob'))).toThrow('user:bob is a member of ops already');
});
