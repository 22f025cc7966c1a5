import { mintToken as mint, type TokenRequest } from '../../access/issue.ts';
import type { ApiToken } from '../../access/registry.ts';
import type { Changed } from './change-registry.ts';
import { type IssuingDesk, issueToken, journaledToken, tokenEvent } from './issue-token.ts';

/** A token, and its secret: shown once, kept nowhere. */
export interface Minted {
  readonly token: ApiToken;
  readonly secret: string;
}

/** How many there are now: from 5,000 on each change takes long enough to be felt. */
export interface MintedAmong extends Minted {
  readonly tokens: number;
}

/**
 * Make a token. When this returns, it is on stable storage.
 * @throws PalyraError as mintToken of access/issue.ts and changeRegistry do
 */
export async function mintToken(desk: IssuingDesk, request: TokenRequest): Promise<Changed<MintedAmong>> {
  return await issueToken(desk, (registry, acting, drawn, now) => {
    const { registry: next, token } = mint(registry, acting, request, drawn, now);
    return {
      answer: { token, secret: drawn.secret, tokens: next.api_tokens.length },
      registry: next,
      kind: 'token.mint',
      payload: journaledToken(token),
      event: tokenEvent('minted', token),
    };
  });
}
