import { PalyraError } from '../errors.ts';
import { didYouMean } from '../text.ts';
import type { Role } from './registry.ts';

const OPERATOR = [
  'compat.models.read',
  'compat.chat.create',
  'compat.embeddings.create',
  'compat.responses.create',
  'compat.tools.invoke',
  'sessions.use',
  'memory.use',
  'routines.use',
  'observability.read',
] as const;
const ADMIN = [...OPERATOR, 'api_tokens.manage', 'workspace.memberships.manage', 'workspace.sharing.manage'] as const;
const OWNER = [...ADMIN, 'workspace.manage', 'trust.operate', 'rollout.manage'] as const;

/** What a role may do; also the closed list of token scopes. */
export type Permission = (typeof OWNER)[number];

/** Least first: each role may do all that the one before may. */
export const ROLES: readonly Role[] = ['operator', 'admin', 'owner'];

export const PERMISSIONS: readonly Permission[] = OWNER;

const BY_ROLE: Readonly<Record<Role, readonly Permission[]>> = { operator: OPERATOR, admin: ADMIN, owner: OWNER };

/** In the order of the specification. */
export function permissionsOf(role: Role): readonly Permission[] {
  return BY_ROLE[role];
}

/** Whether a role may do more than another. */
export function isAbove(role: Role, other: Role): boolean {
  return ROLES.indexOf(role) > ROLES.indexOf(other);
}

/**
 * A role as somebody typed it.
 * @throws PalyraError usage.unknown with the nearest one
 */
export function parseRole(word: string): Role {
  const wanted = word.trim().toLowerCase();
  const role = ROLES.find((known) => known === wanted);
  if (role !== undefined) return role;
  throw new PalyraError('usage.unknown', `unknown role ${word.slice(0, 40)}`, {
    why: `a role is ${ROLES.join(', ')}`,
    hint: didYouMean(wanted, ROLES, 'palyra roles list'),
  });
}

/**
 * A token's scope, which is a permission, as somebody typed it.
 * @throws PalyraError usage.invalid, usage.unknown with the nearest one
 */
export function parseScope(word: string): Permission {
  const wanted = word.trim().toLowerCase();
  const scope = PERMISSIONS.find((known) => known === wanted);
  if (scope !== undefined) return scope;
  if (wanted === '') throw new PalyraError('usage.invalid', 'a scope is blank', { hint: 'palyra roles show owner' });
  throw new PalyraError('usage.unknown', `unknown scope ${word.slice(0, 64)}`, {
    hint: didYouMean(wanted, PERMISSIONS, 'palyra roles show owner'),
  });
}
