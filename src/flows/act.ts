import { type Acting, type Claim, type Identified, identify } from '../access/actor.ts';
import type { Registry } from '../access/registry.ts';
import { PalyraError } from '../errors.ts';
import type { EntryDraft } from '../journal/entry.ts';
import type { State } from '../store/state.ts';
import type { Outcome, Store } from '../store/store.ts';
import type { Clock } from '../time.ts';

/** What a flow that changes something works with: the state, time and chance, who asks, and why. */
export interface Desk {
  readonly store: Store<State>;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly by: Claim;
  /** for the journal */
  readonly reason?: string | undefined;
  /** decide everything, write nothing */
  readonly dryRun: boolean;
}

/** The part of a desk that acting takes. */
export type ActDesk = Pick<Desk, 'store' | 'clock' | 'by' | 'dryRun'>;

/** What a piece of work on the state answered, and the number of its last journal entry; null if nothing was written. */
export interface Acted<A> {
  readonly answer: A;
  readonly entry: number | null;
}

/** Who acts, by the registry as it is under the lock, and when. */
export interface Moment {
  readonly acting: Acting;
  readonly registry: Registry;
  readonly now: number;
}

/**
 * Read, decide and write as somebody: who acts is found by the registry as it is under the lock. With dryRun the same is
 * decided and nothing is written.
 * @param work pure; may run twice
 * @throws PalyraError access.token_refused (journaled), and whatever the rules and the store throw
 */
export async function act<N extends keyof State, A>(
  { store, clock, by, dryRun }: ActDesk,
  names: readonly N[],
  work: (documents: Pick<State, N>, moment: Moment) => Outcome<Pick<State, N>, A>,
): Promise<Acted<A>> {
  const now = clock();
  const wanted = [...new Set<N | 'registry'>([...names, 'registry'])];
  type Ended = { readonly done: A } | { readonly refused: EntryDraft };
  const attempt = (documents: Pick<State, N | 'registry'>): Outcome<Pick<State, N | 'registry'>, Ended> => {
    const acting = identify(documents.registry, by, now);
    if ('invalid' in acting) {
      const refused = refusalEntry(acting, now);
      return { answer: { refused }, entries: [refused] };
    }
    const outcome = work(documents, { acting, registry: documents.registry, now });
    return { ...outcome, answer: { done: outcome.answer } } as Outcome<Pick<State, N | 'registry'>, Ended>;
  };
  if (dryRun) {
    const { answer } = attempt(await store.read(...wanted));
    if ('done' in answer) return { answer: answer.done, entry: null };
    await store.transact([], () => ({ answer: null, entries: [answer.refused] }));
    throw tokenRefused();
  }
  const { answer, entries } = await store.transact(wanted, attempt);
  if ('refused' in answer) throw tokenRefused();
  return { answer: answer.done, entry: entries.at(-1)?.seq ?? null };
}

/**
 * Who acts, as the registry says now, for words and defaults: what they may is looked at again under the lock.
 * @throws PalyraError access.token_refused (journaled), access.forbidden
 */
export async function whoActs(desk: ActDesk): Promise<Acting> {
  return (await act({ ...desk, dryRun: true }, [], (_, { acting }) => ({ answer: acting }))).answer;
}

/** What the journal says of a token that authenticates nobody. */
export function refusalEntry(refused: Extract<Identified, { invalid: unknown }>, now: number): EntryDraft {
  const { invalid, token, actor } = refused;
  return {
    timeUnixMs: now,
    actor,
    kind: 'token.refuse',
    payload: { reason: invalid, ...(token === undefined ? {} : { token_id: token.token_id }) },
  };
}

/** One text for every token that is not valid: why is in the journal. */
function tokenRefused(): PalyraError {
  return new PalyraError('access.token_refused', 'the token is not valid', {
    hint: 'palyra tokens list   shows the tokens and their states',
  });
}
