import { requireFlag } from '../../access/flag.ts';
import { accept } from '../../access/invitation.ts';
import type { Membership, Workspace } from '../../access/registry.ts';
import { ulid } from '../../ids.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/**
 * Become a member by the secret of an invitation; it is the invited one who acts.
 * @throws PalyraError access.flag_off, store.not_found, store.conflict (accepted already, expired), access.forbidden
 */
export async function acceptInvitation(
  desk: Desk,
  secret: string,
): Promise<Changed<{ readonly workspace: Workspace; readonly membership: Membership }>> {
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'team_mode');
    const newId = () => ulid(now, desk.random(10));
    const accepted = accept(registry, secret, { acting, now, newId });
    const { invitation_id } = accepted.invitation;
    const { workspace_id, membership_id, principal, role } = accepted.membership;
    return {
      answer: accepted,
      registry: accepted.registry,
      kind: 'member.accept',
      payload: { workspace_id, invitation_id, membership_id, principal, role },
      event: { feature_key: 'team_mode', category: 'member', workspace_id, detail: `accept ${principal}: ${role}` },
    };
  });
}
