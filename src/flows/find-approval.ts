import type { Approval, Settlement } from '../approvals/approval.ts';
import { PalyraError } from '../errors.ts';
import { findById } from '../ids.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import { readJournal } from './read-journal.ts';

/**
 * Every approval that ever was, oldest first, as the journal tells it.
 * @throws PalyraError store.unsafe
 */
export async function readApprovals({ store }: { readonly store: Store<State> }): Promise<Approval[]> {
  const approvals = new Map<string, Approval>();
  for await (const { body } of readJournal(store, { kind: 'approval' })) {
    const { approval, approval_id: id, changes } = body.payload as ApprovalPayload;
    if (approval !== undefined) approvals.set(approval.approval_id, approval);
    const before = id === undefined ? undefined : approvals.get(id);
    if (before !== undefined && changes !== undefined) approvals.set(before.approval_id, { ...before, ...changes });
  }
  return [...approvals.values()];
}

/** Those that wait for a decision or may still be used, and the newest of the rest: a long history costs nothing here. */
export async function readLive({ store }: { readonly store: Store<State> }): Promise<readonly Approval[]> {
  return (await store.read('approvals')).approvals.approvals;
}

/**
 * The approval that an operator names by its id or the end of it: a live one, else one of the past.
 * @throws PalyraError store.not_found, usage.invalid (ambiguous), usage.secret_argument
 */
export async function findApproval({ store }: { readonly store: Store<State> }, named: string): Promise<Approval> {
  const { approvals: book } = await store.read('approvals');
  try {
    return byId(book.approvals, named);
  } catch (error) {
    if (!(error instanceof PalyraError) || error.code !== 'store.not_found') throw error;
    return byId(await readApprovals({ store }), named);
  }
}

/** What the entries of approvals hold; our own words, whose hashes were checked. */
interface ApprovalPayload {
  readonly approval?: Approval;
  readonly approval_id?: string;
  readonly changes?: Settlement;
}

function byId(approvals: readonly Approval[], named: string): Approval {
  return findById(approvals, ({ approval_id }) => approval_id, named, 'approval', 'palyra approvals list');
}
