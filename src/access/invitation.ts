import { PalyraError } from '../errors.ts';
import { rfc3339 } from '../time.ts';
import { isSameIdentity, openInvitations, refuseUnlessMayGrant, refuseUnlessOwner } from './membership.ts';
import { roleIn } from './permission.ts';
import type { Invitation, Membership, Registry, Role, Workspace } from './registry.ts';
import { findBySecret, hashSecret } from './secret.ts';
import type { Act } from './workspace.ts';

export type InvitationState = 'pending' | 'accepted' | 'expired';

export function invitationState(
  invitation: Pick<Invitation, 'accepted_at_unix_ms' | 'expires_at_unix_ms'>,
  now: number,
): InvitationState {
  if (typeof invitation.accepted_at_unix_ms === 'number') return 'accepted';
  return invitation.expires_at_unix_ms <= now ? 'expired' : 'pending';
}

/** What a person says of an invitation that they make, checked before. */
export interface NewInvitation {
  readonly workspace: Workspace;
  readonly identity: string;
  readonly role: Role;
  readonly expiresAt: number;
  /** only its hash is kept */
  readonly secret: string;
}

/**
 * The registry with an invitation, in place of those of the same identity that nobody has accepted.
 * @throws PalyraError usage.invalid, access.forbidden, store.conflict
 */
export function invite(
  registry: Registry,
  { workspace, identity, role, expiresAt, secret }: NewInvitation,
  { acting, now, newId }: Act,
): { readonly registry: Registry; readonly invitation: Invitation; readonly replaced: readonly Invitation[] } {
  if (expiresAt <= now) {
    throw new PalyraError('usage.invalid', 'the invitation would have expired already', { hint: '--expires 7d' });
  }
  refuseUnlessMayGrant(registry, workspace, acting, role);
  const has = roleIn(registry, identity, workspace.workspace_id);
  if (has !== undefined) throw memberAlready(workspace, identity, has);
  const replaced = openInvitations(registry, workspace, identity);
  if (replaced.some((one) => one.role === 'owner')) refuseUnlessOwner(registry, workspace, acting);
  const invitation: Invitation = {
    invitation_id: newId(),
    workspace_id: workspace.workspace_id,
    invited_identity: identity,
    role,
    token_hash_sha256: hashSecret(secret),
    issued_by_principal: acting.principal,
    created_at_unix_ms: now,
    expires_at_unix_ms: expiresAt,
  };
  const kept = registry.invitations.filter((one) => !replaced.includes(one));
  return { registry: { ...registry, invitations: [...kept, invitation] }, invitation, replaced };
}

/**
 * The registry with whoever was invited as a member. Checked in order: unknown, accepted already, expired, identity.
 * @throws PalyraError store.not_found, store.conflict, access.forbidden
 */
export function accept(
  registry: Registry,
  secret: string,
  { acting, now, newId }: Act,
): {
  readonly registry: Registry;
  readonly workspace: Workspace;
  readonly invitation: Invitation;
  readonly membership: Membership;
} {
  const by = acting.principal;
  const open = findBySecret(registry.invitations, (one) => one.token_hash_sha256, secret);
  const workspace = registry.workspaces.find((one) => one.workspace_id === open?.workspace_id);
  if (open === undefined || workspace === undefined) throw unknown();
  refuseUnlessOpen(open, now);
  if (!isSameIdentity(open.invited_identity, by)) throw forAnother(by);
  const has = roleIn(registry, by, workspace.workspace_id);
  if (has !== undefined) throw memberAlready(workspace, by, has);
  const invitation: Invitation = { ...open, accepted_by_principal: by, accepted_at_unix_ms: now };
  const membership: Membership = {
    membership_id: newId(),
    workspace_id: workspace.workspace_id,
    principal: by,
    role: open.role,
    created_by_principal: open.issued_by_principal,
    created_at_unix_ms: now,
    updated_at_unix_ms: now,
  };
  return {
    workspace,
    invitation,
    membership,
    registry: {
      ...registry,
      memberships: [...registry.memberships, membership],
      invitations: registry.invitations.map((one) => (one === open ? invitation : one)),
    },
  };
}

function refuseUnlessOpen(invitation: Invitation, now: number): void {
  const state = invitationState(invitation, now);
  if (state === 'pending') return;
  const at = state === 'accepted' ? (invitation.accepted_at_unix_ms ?? now) : invitation.expires_at_unix_ms;
  throw new PalyraError(
    'store.conflict',
    `the invitation ${state === 'accepted' ? 'was accepted already' : 'has expired'}`,
    {
      why: `at ${rfc3339(at)}`,
      hint: `ask ${invitation.issued_by_principal} for a new one`,
    },
  );
}

function unknown(): PalyraError {
  return new PalyraError('store.not_found', 'no invitation has this secret', {
    why: 'it is mistyped, or was withdrawn, or replaced by a newer one',
    hint: 'palyra members invitations',
  });
}

/** Whom it is for is not told: whoever found the secret must not learn whom to pretend to be. */
function forAnother(by: string): PalyraError {
  return new PalyraError('access.forbidden', 'the invitation is for somebody else', {
    why: `you are ${by}`,
    hint: 'accept it as the invited one   palyra members accept --as PRINCIPAL',
  });
}

function memberAlready(workspace: Workspace, principal: string, role: Role): PalyraError {
  return new PalyraError('store.conflict', `${principal} is a member of ${workspace.slug} already`, {
    why: `as ${role}`,
    hint: `palyra members set-role ${principal} ROLE --workspace ${workspace.slug}`,
  });
}
