import { isOn } from './flag.ts';
import type { ApiToken, Registry } from './registry.ts';
import { findBySecret, isTokenSecret } from './secret.ts';

export type TokenState = 'active' | 'rotating' | 'expired' | 'revoked';

/** Why a token is not valid. Only the journal learns which: to whoever presents it all are one. */
export type InvalidReason = 'feature_off' | 'malformed' | 'unknown' | 'revoked' | 'expired';

/** A token that is genuine and in force, or why it is not. */
export type Authentication =
  | { readonly token: ApiToken }
  | { readonly invalid: InvalidReason; readonly token?: ApiToken };

/** Hold a secret against the registry. */
export function authenticateToken(registry: Registry, secret: string, now: number): Authentication {
  if (!isOn(registry, 'api_tokens')) return { invalid: 'feature_off' };
  if (!isTokenSecret(secret)) return { invalid: 'malformed' };
  const token = findBySecret(registry.api_tokens, ({ token_hash_sha256 }) => token_hash_sha256, secret);
  if (token === undefined) return { invalid: 'unknown' };
  if (isRevoked(token)) return { invalid: 'revoked', token };
  if (isExpired(token, now)) return { invalid: 'expired', token };
  return { token };
}

export function isRevoked(token: ApiToken): boolean {
  return typeof token.revoked_at_unix_ms === 'number';
}

export function isExpired({ expires_at_unix_ms }: ApiToken, now: number): boolean {
  return typeof expires_at_unix_ms === 'number' && expires_at_unix_ms <= now;
}
