import { requireFlag } from '../../access/flag.ts';
import { invite } from '../../access/invitation.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission } from '../../access/permission.ts';
import type { Invitation, Workspace } from '../../access/registry.ts';
import { parseRole } from '../../access/role.ts';
import { formSecret } from '../../access/secret.ts';
import { findWorkspace } from '../../access/workspace.ts';
import { PalyraError } from '../../errors.ts';
import { ulid } from '../../ids.ts';
import { parseMoment } from '../../time.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/** Who is invited to what; all as typed. */
export interface InvitationWish {
  readonly workspace?: string | undefined;
  readonly identity: string;
  readonly role: string;
  readonly expires: string;
}

/** An invitation and its secret, which is shown once. */
export interface Invited {
  readonly invitation: Invitation;
  readonly workspace: Workspace;
  readonly secret: string;
  /** those of the same identity that it takes the place of */
  readonly replaced: readonly Invitation[];
}

/**
 * Invite somebody to a workspace.
 * @throws PalyraError usage.invalid, usage.unknown, access.flag_off, access.forbidden, store.not_found, store.conflict
 */
export async function inviteMember(desk: Desk, wish: InvitationWish): Promise<Changed<Invited>> {
  const identity = parseName(wish.identity, 'the identity');
  const role = parseRole(wish.role);
  const expiresAt = parseMoment(wish.expires, desk.clock(), '--expires');
  if (expiresAt === null) {
    throw new PalyraError('usage.invalid', 'an invitation has to expire', { hint: '--expires 7d' });
  }
  const secret = formSecret('palyrai_', desk.random(32));
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'team_mode');
    const workspace = findWorkspace(registry, wish.workspace);
    const { workspace_id } = workspace;
    requirePermission(registry, acting, 'workspace.memberships.manage', workspace_id);
    const newId = () => ulid(now, desk.random(10));
    const invited = invite(registry, { workspace, identity, role, expiresAt, secret }, { acting, now, newId });
    const { invitation_id } = invited.invitation;
    return {
      answer: { ...invited, workspace, secret },
      registry: invited.registry,
      kind: 'member.invite',
      payload: {
        workspace_id,
        invitation_id,
        invited_identity: identity,
        role,
        expires_at_unix_ms: expiresAt,
        replaced_invitation_ids: invited.replaced.map((one) => one.invitation_id),
      },
      event: { feature_key: 'team_mode', category: 'member', workspace_id, detail: `invite ${identity}: ${role}` },
    };
  });
}
