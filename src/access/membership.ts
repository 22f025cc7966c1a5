import { PalyraError } from '../errors.ts';
import { didYouMean } from '../text.ts';
import type { Acting } from './actor.ts';
import { roleIn } from './permission.ts';
import type { ApiToken, Invitation, Membership, Registry, Role, Workspace } from './registry.ts';
import { isAbove, permissionsOf } from './role.ts';
import { isRevoked } from './token.ts';

/** A member of a workspace, by name. */
export interface MemberName {
  readonly workspace: Workspace;
  readonly principal: string;
}

/** What another role came to; `revoked`: the member's tokens that could do more than it. */
export interface RoleSet {
  readonly registry: Registry;
  readonly membership: Membership;
  readonly before: Role;
  readonly revoked: readonly ApiToken[];
  readonly changed: boolean;
}

/**
 * The registry with another role for a member, by one record.
 * @throws PalyraError store.not_found, access.forbidden, store.conflict (the last owner)
 */
export function setRole(
  registry: Registry,
  { workspace, principal, role }: MemberName & { readonly role: Role },
  { acting, now }: { readonly acting: Acting; readonly now: number },
): RoleSet {
  const records = membershipsOf(registry, workspace, principal);
  const [first] = records;
  if (first === undefined) throw noMember(registry, { workspace, principal });
  const before = first.role;
  if (records.length === 1 && before === role) {
    return { registry, membership: first, before, revoked: [], changed: false };
  }
  if (principal === acting.principal && isAbove(role, before)) throw promotesThemselves(workspace, principal, before);
  refuseUnlessMayGrant(registry, workspace, acting, role);
  if (records.some(isOwner)) refuseUnlessOwner(registry, workspace, acting);
  const membership: Membership = { ...first, role, updated_at_unix_ms: now };
  const isBeyond = ({ role: held, scopes }: ApiToken) =>
    isAbove(held, role) || scopes.some((scope) => !permissionsOf(role).some((permission) => permission === scope));
  const revoked = tokensOf(registry, workspace, principal).filter(isBeyond);
  const after = {
    ...registry,
    api_tokens: revoke(registry.api_tokens, revoked, now),
    memberships: registry.memberships.flatMap((one) => (one === first ? membership : records.includes(one) ? [] : one)),
  };
  refuseIfOwnerless(registry, after, workspace);
  return { registry: after, membership, before, revoked, changed: true };
}

/** What a removal takes away. */
export interface Removal {
  readonly registry: Registry;
  readonly memberships: readonly Membership[];
  readonly invitations: readonly Invitation[];
  readonly revoked: readonly ApiToken[];
}

/**
 * The registry without a member: their tokens for the workspace are revoked with it. Whoever was invited and has not
 * accepted is no member yet, and loses the invitation.
 * @throws PalyraError store.not_found, access.forbidden, store.conflict (the last owner)
 */
export function removeMember(
  registry: Registry,
  { workspace, principal }: MemberName,
  { acting, now }: { readonly acting: Acting; readonly now: number },
): Removal {
  const memberships = membershipsOf(registry, workspace, principal);
  const invitations = openInvitations(registry, workspace, principal);
  if (memberships.length + invitations.length === 0) throw noMember(registry, { workspace, principal });
  if ([...memberships, ...invitations].some(isOwner)) refuseUnlessOwner(registry, workspace, acting);
  const revoked = tokensOf(registry, workspace, principal);
  const after = {
    ...registry,
    api_tokens: revoke(registry.api_tokens, revoked, now),
    memberships: registry.memberships.filter((one) => !memberships.includes(one)),
    invitations: registry.invitations.filter((one) => !invitations.includes(one)),
  };
  refuseIfOwnerless(registry, after, workspace);
  return { registry: after, memberships, invitations, revoked };
}

/** The invitations of an identity to a workspace that nobody has accepted. */
export function openInvitations({ invitations }: Registry, workspace: Workspace, identity: string): Invitation[] {
  return invitations.filter(
    (one) =>
      one.workspace_id === workspace.workspace_id &&
      isSameIdentity(one.invited_identity, identity) &&
      typeof one.accepted_at_unix_ms !== 'number',
  );
}

/** Whether two identities differ in nothing but the case of ASCII letters. */
export function isSameIdentity(one: string, other: string): boolean {
  return lowerAscii(one) === lowerAscii(other);
}

/**
 * Only owners make owners, and a token hands on no more than its scopes.
 * @throws PalyraError access.forbidden
 */
export function refuseUnlessMayGrant(registry: Registry, workspace: Workspace, acting: Acting, role: Role): void {
  if (role === 'owner') refuseUnlessOwner(registry, workspace, acting);
  const missing = permissionsOf(role).filter((permission) => acting.token?.scopes.includes(permission) === false);
  if (missing.length === 0) return;
  throw new PalyraError('access.forbidden', `the token in PALYRA_TOKEN may not make anybody ${role}`, {
    why: `it lacks ${missing.join(', ')}`,
    hint: `palyra roles show ${role}`,
  });
}

/** Only owners decide about owners, whether `rbac` is on or off. @throws PalyraError access.forbidden */
export function refuseUnlessOwner(registry: Registry, workspace: Workspace, { principal }: Acting): void {
  const role = roleIn(registry, principal, workspace.workspace_id);
  if (role === 'owner') return;
  const owners = ownersOf(registry, workspace);
  throw new PalyraError('access.forbidden', `only an owner of ${workspace.slug} decides about its owners`, {
    why: `${principal} is ${role === undefined ? 'no member' : `its ${role}`}; owned by ${owners.join(', ') || 'nobody'}`,
    hint: `palyra members list --workspace ${workspace.slug}`,
  });
}

function membershipsOf({ memberships }: Registry, { workspace_id: id }: Workspace, principal: string): Membership[] {
  return memberships.filter((one) => one.workspace_id === id && one.principal === principal);
}

function ownersOf({ memberships }: Registry, { workspace_id: id }: Workspace): string[] {
  return memberships.filter((one) => one.workspace_id === id && isOwner(one)).map(({ principal }) => principal);
}

function isOwner({ role }: { readonly role: Role }): boolean {
  return role === 'owner';
}

function tokensOf({ api_tokens: tokens }: Registry, { workspace_id: id }: Workspace, principal: string): ApiToken[] {
  return tokens.filter((token) => token.workspace_id === id && token.principal === principal && !isRevoked(token));
}

function revoke(tokens: readonly ApiToken[], revoked: readonly ApiToken[], now: number): readonly ApiToken[] {
  return tokens.map((token) =>
    revoked.includes(token) ? { ...token, revoked_at_unix_ms: now, updated_at_unix_ms: now } : token,
  );
}

/** @throws PalyraError store.conflict */
function refuseIfOwnerless(before: Registry, after: Registry, workspace: Workspace): void {
  const [last] = ownersOf(before, workspace);
  if (last === undefined || ownersOf(after, workspace).length > 0) return;
  throw new PalyraError('store.conflict', `${workspace.slug} would be left without an owner`, {
    why: `${last} is the last`,
    hint: `palyra members set-role PRINCIPAL owner --workspace ${workspace.slug}   makes another owner first`,
  });
}

function promotesThemselves(workspace: Workspace, principal: string, before: Role): PalyraError {
  return new PalyraError('access.forbidden', 'nobody promotes themselves', {
    why: `${principal} is ${before} of ${workspace.slug}`,
    hint: `palyra members list --workspace ${workspace.slug}   shows who can`,
  });
}

function noMember({ memberships }: Registry, { workspace, principal }: MemberName): PalyraError {
  const members = memberships.filter((one) => one.workspace_id === workspace.workspace_id);
  const names = members.map((one) => one.principal);
  return new PalyraError('store.not_found', `${principal} is no member of ${workspace.slug}`, {
    hint: didYouMean(principal, names, `palyra members list --workspace ${workspace.slug}`),
  });
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
