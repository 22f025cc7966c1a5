import { PalyraError } from '../errors.ts';
import type { Registry, Share, Workspace } from './registry.ts';
import type { Act } from './workspace.ts';

/** What is shared with whom: a workspace, kind and id have at most one share. */
export interface ShareKey {
  readonly workspace: Workspace;
  readonly kind: string;
  readonly id: string;
}

/** The registry with this access level for a share, which is made if there is none. */
export function setShare(
  registry: Registry,
  { accessLevel, ...key }: ShareKey & { readonly accessLevel: string },
  { acting, now, newId }: Act,
): {
  readonly registry: Registry;
  readonly share: Share;
  readonly before?: Share | undefined;
  readonly changed: boolean;
} {
  const before = findShare(registry, key);
  if (before?.access_level === accessLevel) return { registry, share: before, before, changed: false };
  const share: Share =
    before === undefined
      ? {
          share_id: newId(),
          resource_kind: key.kind,
          resource_id: key.id,
          workspace_id: key.workspace.workspace_id,
          access_level: accessLevel,
          created_by_principal: acting.principal,
          created_at_unix_ms: now,
          updated_at_unix_ms: now,
        }
      : { ...before, access_level: accessLevel, updated_at_unix_ms: now };
  const shares =
    before === undefined ? [...registry.shares, share] : registry.shares.map((one) => (one === before ? share : one));
  return { registry: { ...registry, shares }, share, before, changed: true };
}

/** The registry without a share. @throws PalyraError store.not_found */
export function removeShare(registry: Registry, key: ShareKey): { readonly registry: Registry; readonly share: Share } {
  const share = findShare(registry, key);
  if (share === undefined) {
    throw new PalyraError('store.not_found', `${key.kind} ${key.id} is not shared with ${key.workspace.slug}`, {
      hint: `palyra shares list --workspace ${key.workspace.slug}`,
    });
  }
  return { registry: { ...registry, shares: registry.shares.filter((one) => one !== share) }, share };
}

function findShare({ shares }: Registry, { workspace, kind, id }: ShareKey): Share | undefined {
  return shares.find(
    (one) => one.workspace_id === workspace.workspace_id && one.resource_kind === kind && one.resource_id === id,
  );
}

/**
 * A kind of resource or an access level: a word that other programs give its meaning.
 * @throws PalyraError usage.invalid
 */
export function parseWord(text: string, what: string): string {
  const word = text.trim().toLowerCase();
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(word)) return word;
  throw new PalyraError('usage.invalid', `${what} is not a word`, {
    why: 'at most 64 letters, digits, dots, dashes and underscores',
    hint: 'palyra shares set --help',
  });
}
