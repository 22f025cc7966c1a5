import { isOn } from './flag.ts';
import type { ApiToken, Registry } from './registry.ts';
import { findBySecret, isTokenSecret } from './secret.ts';

/** rotating: has a successor, and works until its grace is over. */
export type TokenState = 'active' | 'rotating' | 'expired' | 'revoked';

/** Why a token is not valid. Only the journal learns which: to whoever presents it all are one. */
export type InvalidReason = 'feature_off' | 'malformed' | 'unknown' | 'revoked' | 'expired';

/** A token that is genuine and in force, or why it is not. */
export type Authentication =
  | { readonly token: ApiToken }
  | { readonly invalid: InvalidReason; readonly token?: ApiToken };

/** A record as people and programs see it: its true state, and never the hash. */
export type ShownToken = Omit<ApiToken, 'token_hash_sha256'> & { readonly state: TokenState };

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

/** Why a genuine token may not do something: it lacks the scope, or the feature behind the scope is off. */
export interface MissingScope {
  readonly scope: string;
  /** the flag that is off although the token has the scope */
  readonly flag?: string;
}

/** The first of the scopes that a token cannot use now; null if it can use all. */
export function missingScope(registry: Registry, token: ApiToken, scopes: readonly string[]): MissingScope | null {
  for (const scope of scopes) {
    if (!token.scopes.includes(scope)) return { scope };
    const flag = gatesOf(scope).find((key) => !isOn(registry, key));
    if (flag !== undefined) return { scope, flag };
  }
  return null;
}

/** The scopes that a token can use while these features are on. */
export function usableScopes(registry: Pick<Registry, 'feature_flags'>, { scopes }: ApiToken): string[] {
  if (!isOn(registry, 'api_tokens')) return [];
  return scopes.filter((scope) => gatesOf(scope).every((key) => isOn(registry, key)));
}

export function isRevoked({ revoked_at_unix_ms }: ApiToken): boolean {
  return typeof revoked_at_unix_ms === 'number';
}

export function isExpired({ expires_at_unix_ms }: ApiToken, now: number): boolean {
  return typeof expires_at_unix_ms === 'number' && expires_at_unix_ms <= now;
}

/** Whether a token still opens something by itself. */
export function isInForce(token: ApiToken, now: number): boolean {
  return !isRevoked(token) && !isExpired(token, now);
}

/** The records as they may be shown, in their order. */
export function showTokens({ api_tokens }: Registry, now: number): ShownToken[] {
  const rotated = new Set(api_tokens.map(({ rotated_from_token_id }) => rotated_from_token_id));
  return api_tokens.map((token) => showToken(token, rotated.has(token.token_id), now));
}

/** @param hasSuccessor whether another token was rotated from this one */
export function showToken(token: ApiToken, hasSuccessor: boolean, now: number): ShownToken {
  const { token_hash_sha256: _, ...shown } = token;
  return { ...shown, state: stateOf(token, hasSuccessor, now) };
}

function stateOf(token: ApiToken, hasSuccessor: boolean, now: number): TokenState {
  if (isRevoked(token)) return 'revoked';
  if (isExpired(token, now)) return 'expired';
  return hasSuccessor ? 'rotating' : 'active';
}

/** The features that a scope needs besides tokens themselves. */
function gatesOf(scope: string): readonly string[] {
  if (!scope.startsWith('compat.')) return [];
  return ['compat_api', ...(OWN_GATES[scope] ?? [])];
}

const OWN_GATES: Readonly<Record<string, readonly string[]>> = {
  'compat.embeddings.create': ['compat_embeddings_api'],
  'compat.tools.invoke': ['compat_tools_invoke'],
};
