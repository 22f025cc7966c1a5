import { PalyraError } from '../errors.ts';
import type { Acting } from './actor.ts';
import { isOn } from './flag.ts';
import type { Registry, Role, Workspace } from './registry.ts';
import { isAbove, PERMISSIONS, type Permission, permissionsOf, ROLES } from './role.ts';

/**
 * Refuse an operation whose permission is not held in the workspace it touches. What reaches beyond a workspace
 * (trust.operate, rollout.manage) counts only from the first one, whatever is named. While `rbac` is off, whoever can
 * write the state is trusted; a token's scopes bind even then.
 * @param workspaceId where; without it, anywhere
 * @throws PalyraError access.forbidden, which says what is missing and who has it
 */
export function requirePermission(
  registry: Registry,
  acting: Acting,
  permission: Permission,
  workspaceId?: string,
): void {
  requireScope(acting, permission);
  if (permissionsWithin(registry, acting, workspaceId).has(permission)) return;
  const where = reachesBeyond(permission) ? rootWorkspace(registry)?.workspace_id : workspaceId;
  const place = registry.workspaces.find(({ workspace_id }) => workspace_id === where);
  throw new PalyraError(
    'access.forbidden',
    `${acting.principal} lacks ${permission}${place === undefined ? '' : ` in workspace ${place.slug}`}`,
    { why: holdersOf(registry, permission, place), hint: 'ask one of them, or palyra roles show owner' },
  );
}

/**
 * Whoever acts by a token does no more than its scopes say, though they could do it themselves.
 * @throws PalyraError access.forbidden
 */
export function requireScope({ token }: Acting, permission: Permission): void {
  if (token === null || token.scopes.includes(permission)) return;
  throw new PalyraError('access.forbidden', `the token in PALYRA_TOKEN lacks the scope ${permission}`, {
    why: `its scopes are ${token.scopes.join(', ')}`,
    hint: `palyra tokens mint --label NAME --scope ${permission}`,
  });
}

/** Whether nothing bounds them: without `rbac`, whoever can write the state can do everything anyway. */
export function isTrusted(registry: Registry, { token }: Acting): boolean {
  return token === null && !isOn(registry, 'rbac');
}

/** The most that somebody is in a workspace; without one, in any of theirs. */
export function highestRole(registry: Registry, { principal, token }: Acting, workspaceId?: string): Role {
  const most = token?.role ?? 'owner';
  if (!isOn(registry, 'rbac')) return most;
  const held = registry.memberships
    .filter((member) => member.principal === principal)
    .filter(({ workspace_id }) => workspaceId === undefined || workspace_id === workspaceId)
    .map(({ role }) => role);
  return ROLES.findLast((role) => held.includes(role) && !isAbove(role, most)) ?? 'operator';
}

/** What somebody may do in a workspace; without one, in any of theirs. The bound of what they may hand on. */
export function permissionsWithin(
  registry: Registry,
  { principal, token }: Acting,
  workspaceId?: string,
): ReadonlySet<string> {
  const held = isOn(registry, 'rbac') ? heldByRole(registry, principal, workspaceId, token?.workspace_id) : PERMISSIONS;
  return new Set(held.filter((permission) => token === null || token.scopes.includes(permission)));
}

/** The first workspace: only its owners reach beyond a workspace. */
export function rootWorkspace({ workspaces }: Registry): Workspace | undefined {
  return workspaces[0];
}

/** The role that a principal has in a workspace. */
export function roleIn({ memberships }: Registry, principal: string, workspaceId: string): Role | undefined {
  return memberships.find((member) => member.principal === principal && member.workspace_id === workspaceId)?.role;
}

function heldByRole(
  registry: Registry,
  principal: string,
  workspaceId: string | undefined,
  boundTo: string | null | undefined,
): Permission[] {
  const root = rootWorkspace(registry)?.workspace_id;
  return registry.memberships
    .filter((member) => member.principal === principal && (!boundTo || member.workspace_id === boundTo))
    .flatMap(({ workspace_id, role }) =>
      permissionsOf(role).filter((permission) =>
        reachesBeyond(permission) ? workspace_id === root : workspaceId === undefined || workspace_id === workspaceId,
      ),
    );
}

function reachesBeyond(permission: Permission): boolean {
  return permission === 'trust.operate' || permission === 'rollout.manage';
}

function holdersOf({ memberships }: Registry, permission: Permission, workspace: Workspace | undefined): string {
  const holders = memberships.filter(
    ({ workspace_id, role }) =>
      (workspace === undefined || workspace_id === workspace.workspace_id) && permissionsOf(role).includes(permission),
  );
  if (holders.length === 0) return 'nobody has it';
  const named = holders.slice(0, SHOWN).map(({ principal, role }) => `${principal} (${role})`);
  return `held by ${named.join(', ')}${holders.length > SHOWN ? ` and ${holders.length - SHOWN} more` : ''}`;
}

const SHOWN = 5;
