import { requireFlag } from '../../access/flag.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission } from '../../access/permission.ts';
import type { Share, Workspace } from '../../access/registry.ts';
import { parseWord, setShare as setIn } from '../../access/share.ts';
import { findWorkspace } from '../../access/workspace.ts';
import { ulid } from '../../ids.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/** What is shared with which workspace, and how far; all as typed. */
export interface ShareWish {
  readonly workspace?: string | undefined;
  readonly kind: string;
  readonly id: string;
  readonly accessLevel: string;
}

/** A share as it is now, and its access level before; `before` is null for a new one. */
export interface ShareSet {
  readonly share: Share;
  readonly workspace: Workspace;
  readonly before: string | null;
}

/**
 * Share a resource with a workspace, or change how far.
 * @throws PalyraError usage.invalid, access.flag_off, access.forbidden, store.not_found
 */
export async function setShare(desk: Desk, wish: ShareWish): Promise<Changed<ShareSet>> {
  const kind = parseWord(wish.kind, 'the kind');
  const id = parseName(wish.id, 'the id');
  const accessLevel = parseWord(wish.accessLevel, '--level');
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'rbac');
    const workspace = findWorkspace(registry, wish.workspace);
    const { workspace_id } = workspace;
    requirePermission(registry, acting, 'workspace.sharing.manage', workspace_id);
    const newId = () => ulid(now, desk.random(10));
    const set = setIn(registry, { workspace, kind, id, accessLevel }, { acting, now, newId });
    const before = set.before?.access_level ?? null;
    const answer = { share: set.share, workspace, before };
    if (!set.changed) return { answer };
    const { share_id } = set.share;
    return {
      answer,
      registry: set.registry,
      kind: 'share.set',
      payload: { workspace_id, share_id, resource_kind: kind, resource_id: id, before, access_level: accessLevel },
      event: { feature_key: 'rbac', category: 'share', workspace_id, detail: `set ${kind} ${id}: ${accessLevel}` },
    };
  });
}
