import { requirePermission } from '../access/permission.ts';
import { type Grant, isStanding } from '../approvals/grant.ts';
import { findById } from '../ids.ts';
import type { Acted, Desk } from './act.ts';
import { actOnBook } from './gate-work.ts';

/** A grant that stands no more; `before`: how it was found. */
export interface Revoked {
  readonly grant: Grant;
  readonly before: 'standing' | 'ended';
}

/**
 * End a standing grant. Of one that has ended already nothing changes.
 * @param named the id, or the end of it
 * @throws PalyraError store.not_found, access.forbidden
 */
export async function revokeGrant(desk: Desk, named: string): Promise<Acted<Revoked>> {
  return await actOnBook<Revoked>(desk, (book, { acting, registry, now }) => {
    requirePermission(registry, acting, 'trust.operate');
    const grant = findById(book.grants, ({ grant_id }) => grant_id, named, 'grant', 'palyra approvals grants list');
    if (!isStanding(grant, now)) return { answer: { grant, before: 'ended' } };
    const changes = { revoked_at_unix_ms: now, revoked_by: acting.principal };
    const revoked = { ...grant, ...changes };
    return {
      answer: { grant: revoked, before: 'standing' },
      entry: {
        kind: 'grant.revoke',
        payload: { grant_id: grant.grant_id, changes, ...(desk.reason === undefined ? {} : { reason: desk.reason }) },
      },
      book: { ...book, grants: book.grants.map((other) => (other === grant ? revoked : other)) },
    };
  });
}
