import type { Acting } from '../../access/actor.ts';
import type { Registry, TelemetryEvent } from '../../access/registry.ts';
import { PalyraError } from '../../errors.ts';
import { ulid } from '../../ids.ts';
import type { EntryKind } from '../../journal/kind.ts';
import type { State } from '../../store/state.ts';
import type { Outcome } from '../../store/store.ts';
import { act, type Desk } from '../act.ts';

/** What the rules make of the registry; without `registry` nothing is to change. */
export type RegistryChange<A> =
  | { readonly answer: A; readonly registry?: never }
  | {
      readonly answer: A;
      readonly registry: Registry;
      /** noun and verb: `token.mint` */
      readonly kind: EntryKind;
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
 * One mutation of the registry, as somebody: the rules decide, and the new registry, its telemetry event and its journal
 * entry are written together.
 * @param work pure; may run twice
 * @throws PalyraError input.too_large (the reason), and as act and the rules do
 */
export async function changeRegistry<A>(
  desk: Desk,
  work: (registry: Registry, acting: Acting, now: number) => RegistryChange<A>,
): Promise<Changed<A>> {
  const { clock, random, reason } = desk;
  checkReason(reason);
  // drawn before, so that the work can run twice
  const eventId = ulid(clock(), random(10));
  type Ended = Pick<Changed<A>, 'answer' | 'wouldChange'>;
  const { answer: ended, entry } = await act(
    desk,
    ['registry'],
    ({ registry }, { acting, now }): Outcome<Pick<State, 'registry'>, Ended> => {
      const change = work(registry, acting, now);
      if (change.registry === undefined) return { answer: { answer: change.answer, wouldChange: false } };
      const event = telemetryEvent(eventId, change.event, acting, now);
      const payload = reason === undefined ? change.payload : { ...change.payload, reason };
      return {
        answer: { answer: change.answer, wouldChange: true },
        entries: [{ timeUnixMs: now, actor: acting.actor, kind: change.kind, payload }],
        documents: {
          registry: { ...change.registry, telemetry: [...registry.telemetry, event].slice(-TELEMETRY_KEPT) },
        },
      };
    },
  );
  return { ...ended, changed: entry !== null, entry };
}

/** Other programs keep as many. */
const TELEMETRY_KEPT = 256;
const REASON_BYTES = 1024;

function checkReason(reason: string | undefined): void {
  if (reason === undefined || Buffer.byteLength(reason) <= REASON_BYTES) return;
  throw new PalyraError('input.too_large', '--reason is too long', { why: `at most ${REASON_BYTES} bytes` });
}

function telemetryEvent(eventId: string, event: EventDraft, { principal }: Acting, now: number): TelemetryEvent {
  return { event_id: eventId, outcome: 'success', principal, ...event, recorded_at_unix_ms: now };
}
