import { requireFlag } from '../../access/flag.ts';
import { parseName } from '../../access/name.ts';
import { requirePermission, rootWorkspace } from '../../access/permission.ts';
import { type MadeWorkspace, makeWorkspace, type NewWorkspace } from '../../access/workspace.ts';
import { ulid } from '../../ids.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

/**
 * Make a workspace, its team if there is none of that name, and whoever asks its owner. With `rbac` on only whoever
 * manages the first workspace may: nobody makes themselves an owner of everything.
 * @throws PalyraError usage.invalid, access.flag_off, access.forbidden, store.conflict
 */
export async function createWorkspace(desk: Desk, asked: NewWorkspace): Promise<Changed<MadeWorkspace>> {
  const wanted = {
    name: parseName(asked.name, 'the name'),
    team: asked.team === undefined ? undefined : parseName(asked.team, '--team'),
  };
  return await changeRegistry(desk, (registry, acting, now) => {
    requireFlag(registry, 'team_mode');
    requirePermission(registry, acting, 'workspace.manage', rootWorkspace(registry)?.workspace_id);
    const made = makeWorkspace(registry, wanted, { acting, now, newId: () => ulid(now, desk.random(10)) });
    const { workspace_id, slug, display_name } = made.workspace;
    return {
      answer: made,
      registry: made.registry,
      kind: 'workspace.create',
      payload: { workspace_id, slug, display_name, team: made.team.slug, owner: acting.principal },
      event: { feature_key: 'team_mode', category: 'workspace', workspace_id, detail: `create ${slug}` },
    };
  });
}
