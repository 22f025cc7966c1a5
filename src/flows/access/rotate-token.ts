import { type RotateRequest, rotateToken as rotate } from '../../access/issue.ts';
import type { ApiToken } from '../../access/registry.ts';
import type { Changed } from './change-registry.ts';
import { type IssuingDesk, issueToken, journaledToken, tokenEvent } from './issue-token.ts';
import type { Minted } from './mint-token.ts';

export interface Rotated extends Minted {
  /** the old token, as it is now */
  readonly rotated: ApiToken;
}

/**
 * Give a token a successor, and end the old one now or after its grace. When this returns, both are on stable storage.
 * @throws PalyraError as rotateToken of access/issue.ts and changeRegistry do
 */
export async function rotateToken(desk: IssuingDesk, named: string, request: RotateRequest): Promise<Changed<Rotated>> {
  return await issueToken(desk, (registry, acting, drawn, now) => {
    const { registry: next, token, rotated } = rotate(registry, acting, named, request, drawn, now);
    return {
      answer: { token, rotated, secret: drawn.secret },
      registry: next,
      kind: 'token.rotate',
      payload: {
        ...journaledToken(token),
        rotated_from_token_id: rotated.token_id,
        ...(request.graceMs === 0 ? {} : { old_expires_at_unix_ms: rotated.expires_at_unix_ms }),
      },
      event: tokenEvent('rotated', token),
    };
  });
}
