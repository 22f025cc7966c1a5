import { requireFlag } from '../../access/flag.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission } from '../../access/permission.ts';
import type { Share, Workspace } from '../../access/registry.ts';
import { parseWord, removeShare as removeFrom } from '../../access/share.ts';
import { findWorkspace } from '../../access/workspace.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/**
 * Share a resource no longer.
 * @param asked as typed
 * @throws PalyraError usage.invalid, access.flag_off, access.forbidden, store.not_found
 */
export async function removeShare(
  desk: Desk,
  asked: { readonly workspace?: string | undefined; readonly kind: string; readonly id: string },
): Promise<Changed<{ readonly share: Share; readonly workspace: Workspace }>> {
  const kind = parseWord(asked.kind, 'the kind');
  const id = parseName(asked.id, 'the id');
  return await changeRegistry(desk, (registry, acting) => {
    requireFlag(registry, 'rbac');
    const workspace = findWorkspace(registry, asked.workspace);
    const { workspace_id } = workspace;
    requirePermission(registry, acting, 'workspace.sharing.manage', workspace_id);
    const removed = removeFrom(registry, { workspace, kind, id });
    const { share_id, access_level } = removed.share;
    return {
      answer: { share: removed.share, workspace },
      registry: removed.registry,
      kind: 'share.remove',
      payload: { workspace_id, share_id, resource_kind: kind, resource_id: id, access_level },
      event: { feature_key: 'rbac', category: 'share', workspace_id, detail: `remove ${kind} ${id}` },
    };
  });
}
