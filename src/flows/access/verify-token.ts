import type { Claim } from '../../access/actor.ts';
import { spend } from '../../access/rate.ts';
import type { ApiToken, Registry } from '../../access/registry.ts';
import { authenticateToken, type MissingScope, missingScope } from '../../access/token.ts';
import { PalyraError } from '../../errors.ts';
import type { Actor, EntryDraft } from '../../journal/entry.ts';
import type { Rates } from '../../store/rates.ts';
import type { State } from '../../store/state.ts';
import type { Store } from '../../store/store.ts';
import type { Clock } from '../../time.ts';
import { refusalEntry } from '../act.ts';

export interface VerifyingDesk {
  readonly store: Store<State>;
  readonly rates: Rates;
  readonly clock: Clock;
  readonly by: Claim;
  /** answer without counting the use */
  readonly dryRun: boolean;
  /** hears what could not be kept on a disk that is full, though the answer holds */
  readonly unkept: (what: string, error: PalyraError) => void;
}

/** Whether a secret opens what is asked. What is invalid is so for one reason as for another: the journal knows which. */
export type Verification =
  | { readonly valid: true; readonly token: ApiToken }
  | { readonly valid: false; readonly reason: 'invalid' }
  | { readonly valid: false; readonly reason: 'missing_scope'; readonly missing: MissingScope }
  | { readonly valid: false; readonly reason: 'rate_limited'; readonly waitMs: number };

/**
 * Hold a secret against registry, scopes and rate limit, in this order. Fails closed: whatever cannot be read throws.
 * @throws PalyraError store.unsafe, store.busy, store.write_failed
 */
export async function verifyToken(
  desk: VerifyingDesk,
  secret: string,
  scopes: readonly string[],
): Promise<Verification> {
  const { store, rates, clock, dryRun } = desk;
  const now = clock();
  const { registry } = await store.read('registry');
  const found = authenticateToken(registry, secret, now);
  if ('invalid' in found) {
    await keep(desk, 'why the token was refused', refusalEntry({ ...found, actor: actorOf(desk.by) }, now));
    return { valid: false, reason: 'invalid' };
  }
  const { token } = found;
  const missing = missingScope(registry, token, scopes);
  if (missing !== null) {
    await keep(desk, 'that the token was refused', refusal(desk, token, { reason: 'missing_scope', ...missing }, now));
    return { valid: false, reason: 'missing_scope', missing };
  }
  if (dryRun) return { valid: true, token };
  const use = await rates.use(token.token_id, now, (dueAt) => spend(dueAt, token.rate_limit_per_minute, now));
  if ('waitMs' in use) {
    await keep(desk, 'that the token was refused', refusal(desk, token, { reason: 'rate_limited' }, now));
    return { valid: false, reason: 'rate_limited', waitMs: use.waitMs };
  }
  await noteUse(desk, token, now);
  return { valid: true, token };
}

const USE_NOTED_MS = 60_000;

/** Best effort, and at most once a minute: it rewrites the registry. */
async function noteUse(desk: VerifyingDesk, seen: ApiToken, now: number): Promise<void> {
  if (isNoted(seen, now)) return;
  try {
    await desk.store.transact(['registry'], ({ registry }) => {
      const token = registry.api_tokens.find(({ token_id }) => token_id === seen.token_id);
      if (token === undefined || isNoted(token, now)) return { answer: null };
      return {
        answer: null,
        entries: [
          { timeUnixMs: now, actor: actorOf(desk.by), kind: 'token.use', payload: { token_id: seen.token_id } },
        ],
        documents: { registry: withUse(registry, token, now) },
      };
    });
  } catch (error) {
    tellUnkept(desk, 'when the token was used', error);
  }
}

function isNoted({ last_used_at_unix_ms }: ApiToken, now: number): boolean {
  return typeof last_used_at_unix_ms === 'number' && now - last_used_at_unix_ms < USE_NOTED_MS;
}

function withUse(registry: Registry, token: ApiToken, now: number): Registry {
  const used = { ...token, last_used_at_unix_ms: now };
  return { ...registry, api_tokens: registry.api_tokens.map((each) => (each === token ? used : each)) };
}

/** Best effort: on a full disk a token is refused all the same. */
async function keep(desk: VerifyingDesk, what: string, entry: EntryDraft): Promise<void> {
  if (desk.dryRun) return;
  try {
    await desk.store.transact([], () => ({ answer: null, entries: [entry] }));
  } catch (error) {
    tellUnkept(desk, what, error);
  }
}

function tellUnkept({ unkept }: VerifyingDesk, what: string, error: unknown): void {
  if (!(error instanceof PalyraError)) throw error;
  unkept(what, error);
}

function refusal(
  { by }: VerifyingDesk,
  { token_id }: ApiToken,
  payload: Readonly<Record<string, unknown>>,
  now: number,
): EntryDraft {
  return { timeUnixMs: now, actor: actorOf(by), kind: 'token.refuse', payload: { ...payload, token_id } };
}

/** Whoever asks about a token acts for nobody. */
function actorOf({ login, uid, pid, host }: Claim): Actor {
  return { principal: `user:${login}`, uid, pid, host };
}
