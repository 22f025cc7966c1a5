import { type Acting, identify } from '../access/actor.ts';
import type { Registry } from '../access/registry.ts';
import type { EntryDraft } from '../journal/entry.ts';
import type { State } from '../store/state.ts';
import type { Outcome } from '../store/store.ts';
import { type AccessDesk, refusalEntry, tokenRefused } from './change-registry.ts';

type ActDesk = Pick<AccessDesk, 'store' | 'clock' | 'by' | 'dryRun'>;

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
