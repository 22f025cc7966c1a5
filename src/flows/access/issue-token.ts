import type { Acting } from '../../access/actor.ts';
import type { NewSecret } from '../../access/issue.ts';
import type { ApiToken, Registry } from '../../access/registry.ts';
import { formSecret } from '../../access/secret.ts';
import { ulid } from '../../ids.ts';
import type { Rates } from '../../store/rates.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry, type EventDraft, type RegistryChange } from './change-registry.ts';

export interface IssuingDesk extends Desk {
  readonly rates: Rates;
}

/**
 * A change of the registry that makes a token. Before it is committed there is room for the token's rate slot, so that
 * verifying it works on a full disk; a change that is refused leaves nothing.
 */
export async function issueToken<A>(
  desk: IssuingDesk,
  work: (registry: Registry, acting: Acting, drawn: NewSecret, now: number) => RegistryChange<A>,
): Promise<Changed<A>> {
  const drawn = { tokenId: ulid(desk.clock(), desk.random(10)), secret: formSecret('palyra_', desk.random(32)) };
  const change = (registry: Registry, acting: Acting, now: number) => work(registry, acting, drawn, now);
  if (!desk.dryRun && !(await desk.rates.isPrepared())) {
    await changeRegistry({ ...desk, dryRun: true }, change);
    await desk.rates.prepare();
  }
  return await changeRegistry(desk, change);
}

/** What the journal says of a token: never its hash. */
export function journaledToken(token: ApiToken): Readonly<Record<string, unknown>> {
  const { token_id, label, scopes, principal, workspace_id, role, rate_limit_per_minute, expires_at_unix_ms } = token;
  return { token_id, label, scopes, principal, workspace_id, role, rate_limit_per_minute, expires_at_unix_ms };
}

/** What `telemetry` says of a change of a token. */
export function tokenEvent(detail: string, { token_id, workspace_id }: ApiToken): EventDraft {
  return { feature_key: 'api_tokens', category: 'token', token_id, ...(workspace_id ? { workspace_id } : {}), detail };
}
