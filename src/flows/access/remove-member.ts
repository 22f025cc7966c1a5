import { requireFlag } from '../../access/flag.ts';
import { type Removal, removeMember as removeFrom } from '../../access/membership.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission } from '../../access/permission.ts';
import type { Workspace } from '../../access/registry.ts';
import { findWorkspace } from '../../access/workspace.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/**
 * Remove a member, with their tokens for the workspace, or withdraw the invitation of somebody who is none yet.
 * @param asked as typed
 * @throws PalyraError usage.invalid, access.flag_off, access.forbidden, store.not_found, store.conflict
 */
export async function removeMember(
  desk: Desk,
  asked: { readonly workspace?: string | undefined; readonly principal: string },
): Promise<Changed<Removal & { readonly workspace: Workspace }>> {
  const principal = parseName(asked.principal, 'the principal');
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'team_mode');
    const workspace = findWorkspace(registry, asked.workspace);
    const { workspace_id } = workspace;
    requirePermission(registry, acting, 'workspace.memberships.manage', workspace_id);
    const removal = removeFrom(registry, { workspace, principal }, { acting, now });
    return {
      answer: { ...removal, workspace },
      registry: removal.registry,
      kind: 'member.remove',
      payload: {
        workspace_id,
        principal,
        membership_ids: removal.memberships.map(({ membership_id }) => membership_id),
        invitation_ids: removal.invitations.map(({ invitation_id }) => invitation_id),
        revoked_token_ids: removal.revoked.map(({ token_id }) => token_id),
      },
      event: { feature_key: 'team_mode', category: 'member', workspace_id, detail: `remove ${principal}` },
    };
  });
}
