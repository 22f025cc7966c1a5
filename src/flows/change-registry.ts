import { type Acting, type Claim, type Identified, identify } from '../access/actor.ts';
import type { Registry, TelemetryEvent } from '../access/registry.ts';
import { PalyraError } from '../errors.ts';
import { ulid } from '../ids.ts';
import type { EntryDraft } from '../journal/entry.ts';
import type { State } from '../store/state.ts';
import type { Outcome, Store } from '../store/store.ts';
import type { Clock } from '../time.ts';

/** What a change of the registry is made with. */
export interface AccessDesk {
  readonly store: Store<State>;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly by: Claim;
  /** for the journal */
  readonly reason?: string | undefined;
  /** decide everything, write nothing */
  readonly dryRun: boolean;
}

/** What the rules make of the registry; without `registry` nothing is to change. */
export type RegistryChange<A> =
  | { readonly answer: A; readonly registry?: never }
  | {
      readonly answer: A;
      readonly registry: Registry;
      /** noun and verb: `token.mint` */
      readonly kind: string;
      /** for the journal; never a secret or a hash */
      readonly payload: Readonly<Record<string, unknown>>;
      readonly event: EventDraft;
    };

/** What other programs see of the change in `telemetry`. */
export type EventDraft = Pick<TelemetryEvent, 'feature_key' | 'category' | 'workspace_id' | 'token_id' | 'detail'>;

export interface Changed<A> {
  readonly answer: A;
  /** false too with dryRun: nothing was written */
  readonly changed: boolean;
  /** whether something would change, or did */
  readonly wouldChange: boolean;
  /** number of the journal entry; null if nothing was written */
  readonly entry: number | null;
}

/**
 * One mutation of the registry: who acts is found by the registry as it is under the lock, the rules decide, and the new
 * registry, its telemetry event and its journal entry are written together.
 * @param work pure; may run twice
 * @throws PalyraError access.token_refused (journaled), and whatever the rules and the store throw
 */
export async function changeRegistry<A>(
  desk: AccessDesk,
  work: (registry: Registry, acting: Acting, now: number) => RegistryChange<A>,
): Promise<Changed<A>> {
  const { store, clock, random, by, reason, dryRun } = desk;
  checkReason(reason);
  const now = clock();
  const eventId = ulid(now, random(10));
  if (dryRun) {
    const { registry } = await store.read('registry');
    const acting = identify(registry, by, now);
    if ('invalid' in acting) return await refuse(desk, acting, now);
    const { answer, registry: next } = work(registry, acting, now);
    return { answer, changed: false, wouldChange: next !== undefined, entry: null };
  }
  const committed = await store.transact(['registry'], ({ registry }): Outcome<Pick<State, 'registry'>, Ended<A>> => {
    const acting = identify(registry, by, now);
    if ('invalid' in acting) return { answer: { refused: acting }, entries: [refusalEntry(acting, now)] };
    const change = work(registry, acting, now);
    if (change.registry === undefined) return { answer: { done: change.answer } };
    const event = telemetryEvent(eventId, change.event, acting, now);
    const payload = reason === undefined ? change.payload : { ...change.payload, reason };
    return {
      answer: { done: change.answer },
      entries: [{ timeUnixMs: now, actor: acting.actor, kind: change.kind, payload }],
      documents: {
        registry: { ...change.registry, telemetry: [...registry.telemetry, event].slice(-TELEMETRY_KEPT) },
      },
    };
  });
  if ('refused' in committed.answer) throw tokenRefused();
  const entry = committed.entries.at(-1)?.seq ?? null;
  return { answer: committed.answer.done, changed: entry !== null, wouldChange: entry !== null, entry };
}

/** One text for every token that is not valid: why is in the journal. */
export function tokenRefused(): PalyraError {
  return new PalyraError('access.token_refused', 'the token is not valid', {
    hint: 'palyra tokens list   shows the tokens and their states',
  });
}

/** What the journal says of a token that authenticates nobody. */
export function refusalEntry(refused: Refused, now: number): EntryDraft {
  const { invalid, token, actor } = refused;
  return {
    timeUnixMs: now,
    actor,
    kind: 'token.refuse',
    payload: { reason: invalid, ...(token === undefined ? {} : { token_id: token.token_id }) },
  };
}

type Ended<A> = { readonly done: A } | { readonly refused: Refused };
type Refused = Extract<Identified, { invalid: unknown }>;

/** Other programs keep as many. */
const TELEMETRY_KEPT = 256;
const REASON_BYTES = 1024;

function checkReason(reason: string | undefined): void {
  if (reason === undefined || Buffer.byteLength(reason) <= REASON_BYTES) return;
  throw new PalyraError('input.too_large', '--reason is too long', { why: `at most ${REASON_BYTES} bytes` });
}

async function refuse({ store }: AccessDesk, refused: Refused, now: number): Promise<never> {
  await store.transact([], () => ({ answer: null, entries: [refusalEntry(refused, now)] }));
  throw tokenRefused();
}

function telemetryEvent(eventId: string, event: EventDraft, { principal }: Acting, now: number): TelemetryEvent {
  return { event_id: eventId, outcome: 'success', principal, ...event, recorded_at_unix_ms: now };
}
