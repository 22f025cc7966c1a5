import type { Acting } from '../../src/access/actor.ts';
import { type ApiToken, type Registry, type Role, registryShape } from '../../src/access/registry.ts';

export const NOW = 1_800_000_000_000;
export const ROOT = '01J00000000000000000000001';
export const SIDE = '01J00000000000000000000002';

/** A registry with the named flags on. */
export function registryWith(flags: readonly string[], fields: Partial<Registry> = {}): Registry {
  const registry = registryShape.empty();
  return {
    ...registry,
    feature_flags: registry.feature_flags.map((flag) => (flags.includes(flag.key) ? { ...flag, enabled: true } : flag)),
    ...fields,
  };
}

/** Two workspaces, root and side, with members of each role: `owner@root` … */
export function teams(): Pick<Registry, 'workspaces' | 'memberships'> {
  const stamps = { created_by_principal: 'user:ops', created_at_unix_ms: NOW, updated_at_unix_ms: NOW };
  const places = [
    ['root', ROOT],
    ['side', SIDE],
  ] as const;
  const roles: readonly Role[] = ['owner', 'admin', 'operator'];
  return {
    workspaces: places.map(([slug, workspace_id]) => ({
      workspace_id,
      team_id: 't',
      slug,
      display_name: slug,
      ...stamps,
    })),
    memberships: places.flatMap(([slug, workspace_id]) =>
      roles.map((role) => ({
        membership_id: `${role}-${slug}`,
        workspace_id,
        principal: `user:${role}@${slug}`,
        role,
        ...stamps,
      })),
    ),
  };
}

export function acting(principal: string, token: ApiToken | null = null): Acting {
  return { principal, actor: { principal, uid: 1000, pid: 7, host: 'here' }, token };
}
