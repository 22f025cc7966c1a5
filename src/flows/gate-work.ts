import { type Approval, isOverdue, timeOut } from '../approvals/approval.ts';
import { type ApprovalBook, type ApprovalChanges, changeApproval, withoutOldest } from '../approvals/book.ts';
import { PalyraError } from '../errors.ts';
import type { EntryDraft } from '../journal/entry.ts';
import type { EntryKind } from '../journal/kind.ts';
import type { State } from '../store/state.ts';
import type { Outcome } from '../store/store.ts';
import { type ActDesk, type Acted, act, type Moment } from './act.ts';
import type { GateState } from './open-gate.ts';

/** What a piece of work on the approvals comes to; without `entry` it changes nothing itself. */
export type BookOutcome<A> =
  | { readonly answer: A; readonly entry?: never; readonly payloads?: never }
  | {
      readonly answer: A;
      readonly entry: Pick<EntryDraft, 'kind' | 'payload'>;
      readonly book: ApprovalBook;
      readonly payloads?: readonly Uint8Array[];
    };

/**
 * Work on the approvals as somebody, alone. Those whose time is over are decided first, by whoever comes by: the work
 * sees them decided, and the decisions are written with what it writes.
 * @param work pure; may run twice
 */
export async function actOnBook<A>(
  desk: ActDesk,
  work: (book: ApprovalBook, moment: Moment) => BookOutcome<A>,
): Promise<Acted<A>> {
  return await act(desk, ['approvals'], ({ approvals }, moment) => {
    const expired = expireOverdue(approvals, moment);
    return outcomeOf(work(expired.book, moment), expired, moment);
  });
}

/**
 * The same with everything that the gate looks at. A posture file that cannot be read does not stop the work: the gate
 * then holds every tool for disabled.
 */
export async function actOnGate<A>(
  desk: ActDesk,
  work: (state: GateState, moment: Moment) => BookOutcome<A>,
): Promise<Acted<A>> {
  const attempt = (
    { approvals, posture }: Pick<GateState, 'approvals' | 'posture'>,
    moment: Moment,
  ): Outcome<Pick<State, 'approvals'>, A> => {
    const expired = expireOverdue(approvals, moment);
    return outcomeOf(work({ approvals: expired.book, posture, registry: moment.registry }, moment), expired, moment);
  };
  try {
    return await act<'approvals' | 'posture', A>(desk, ['approvals', 'posture'], attempt);
  } catch (error) {
    if (!(error instanceof PalyraError) || error.code !== 'store.unsafe') throw error;
    // if it was another document than the posture, this is refused too
    return await act(desk, ['approvals'], ({ approvals }, moment) =>
      attempt({ approvals, posture: 'unreadable' }, moment),
    );
  }
}

/** The journal's words for what happened to an approval: enough to rebuild it. */
export function changeEntry(
  kind: EntryKind,
  { approval_id }: Pick<Approval, 'approval_id'>,
  changes: ApprovalChanges,
  more: Readonly<Record<string, unknown>> = {},
): Pick<EntryDraft, 'kind' | 'payload'> {
  return { kind, payload: { approval_id, changes, ...more } };
}

type Drafts = readonly Pick<EntryDraft, 'kind' | 'payload'>[];

function expireOverdue(book: ApprovalBook, { now }: Moment): { readonly book: ApprovalBook; readonly entries: Drafts } {
  const overdue = book.approvals.filter((approval) => isOverdue(approval, now));
  return {
    book: overdue.reduce((changed, approval) => changeApproval(changed, approval.approval_id, timeOut(approval)), book),
    entries: overdue.map((approval) => changeEntry('approval.expire', approval, timeOut(approval))),
  };
}

function outcomeOf<A>(
  outcome: BookOutcome<A>,
  expired: ReturnType<typeof expireOverdue>,
  { acting, now }: Moment,
): Outcome<Pick<State, 'approvals'>, A> {
  const { answer } = outcome;
  const own = outcome.entry === undefined ? [] : [outcome.entry];
  const [first, ...others] = [...expired.entries, ...own].map(
    (entry): EntryDraft => ({ timeUnixMs: now, actor: acting.actor, ...entry }),
  );
  if (first === undefined) return { answer };
  const book = outcome.entry === undefined ? expired.book : outcome.book;
  return {
    answer,
    entries: [first, ...others],
    documents: { approvals: withoutOldest(book, now) },
    ...(outcome.payloads === undefined ? {} : { payloads: outcome.payloads }),
  };
}
