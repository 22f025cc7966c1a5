import { revokeToken as revoke } from '../../access/issue.ts';
import type { ApiToken } from '../../access/registry.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';
import { tokenEvent } from './issue-token.ts';

/**
 * End a token for good; one that is revoked already stays as it is.
 * @throws PalyraError as revokeToken of access/issue.ts and changeRegistry do
 */
export async function revokeToken(desk: Desk, named: string): Promise<Changed<ApiToken>> {
  return await changeRegistry(desk, (registry, acting, now) => {
    const { registry: next, token } = revoke(registry, acting, named, now);
    if (next === undefined) return { answer: token };
    return {
      answer: token,
      registry: next,
      kind: 'token.revoke',
      payload: { token_id: token.token_id, label: token.label, principal: token.principal },
      event: tokenEvent('revoked', token),
    };
  });
}
