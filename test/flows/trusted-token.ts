import { randomBytes } from 'node:crypto';
import type { ApiToken } from '../../src/access/registry.ts';
import { formSecret, hashSecret, shownPrefix } from '../../src/access/secret.ts';
import { ulid } from '../../src/ids.ts';
import type { State } from '../../src/store/state.ts';
import type { Store } from '../../src/store/store.ts';

/** The secret of a new token that may answer approvals. */
export async function trustedToken(
  store: Store<State>,
  scopes: ApiToken['scopes'] = ['trust.operate'],
): Promise<string> {
  const secret = formSecret('palyra_', randomBytes(32));
  const now = Date.now();
  const token: ApiToken = {
    token_id: ulid(now, randomBytes(10)),
    label: 'operator',
    token_prefix: shownPrefix(secret),
    token_hash_sha256: hashSecret(secret),
    scopes,
    principal: 'user:oncall',
    role: 'owner',
    rate_limit_per_minute: 120,
    created_at_unix_ms: now,
    updated_at_unix_ms: now,
  };
  const actor = { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' };
  await store.transact(['registry'], ({ registry }) => ({
    answer: null,
    entries: [{ timeUnixMs: now, actor, kind: 'token.mint', payload: { token_id: token.token_id } }],
    documents: {
      registry: {
        ...registry,
        feature_flags: registry.feature_flags.map((flag) =>
          ['api_tokens', 'compat_api'].includes(flag.key) ? { ...flag, enabled: true } : flag,
        ),
        api_tokens: [...registry.api_tokens, token],
      },
    },
  }));
  return secret;
}
