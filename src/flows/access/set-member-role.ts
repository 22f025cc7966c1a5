import { requireFlag } from '../../access/flag.ts';
import { type RoleSet, setRole } from '../../access/membership.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission } from '../../access/permission.ts';
import type { Workspace } from '../../access/registry.ts';
import { parseRole } from '../../access/role.ts';
import { findWorkspace } from '../../access/workspace.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/** Who is to have which role where; all as typed. */
export interface RoleWish {
  readonly workspace?: string | undefined;
  readonly principal: string;
  readonly role: string;
}

/**
 * Give a member another role; tokens of theirs that could do more than it are revoked in the same change.
 * @throws PalyraError usage.invalid, usage.unknown, access.flag_off, access.forbidden, store.not_found, store.conflict
 */
export async function setMemberRole(
  desk: Desk,
  wish: RoleWish,
): Promise<Changed<RoleSet & { readonly workspace: Workspace }>> {
  const principal = parseName(wish.principal, 'the principal');
  const role = parseRole(wish.role);
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'team_mode');
    const workspace = findWorkspace(registry, wish.workspace);
    const { workspace_id } = workspace;
    requirePermission(registry, acting, 'workspace.memberships.manage', workspace_id);
    const set = setRole(registry, { workspace, principal, role }, { acting, now });
    const answer = { ...set, workspace };
    if (!set.changed) return { answer };
    const revoked = set.revoked.map(({ token_id }) => token_id);
    return {
      answer,
      registry: set.registry,
      kind: 'member.set_role',
      payload: { workspace_id, principal, before: set.before, role, revoked_token_ids: revoked },
      event: { feature_key: 'team_mode', category: 'member', workspace_id, detail: `set role ${principal}: ${role}` },
    };
  });
}
