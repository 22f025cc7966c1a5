import { type Approval, stateOf } from '../approvals/approval.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../time.ts';
import { findApproval } from './find-approval.ts';

interface FollowDesk {
  readonly store: Store<State>;
  readonly clock: Clock;
}

/**
 * Wait for the answer to an approval, at most so long, and never beyond its expiry.
 * @param named the id, or the end of it
 * @returns the approval as it stands then
 * @throws PalyraError store.not_found, store.unsafe
 */
export async function awaitDecision(desk: FollowDesk, named: string, waitMs: number): Promise<Approval> {
  const { store, clock } = desk;
  let approval = await findApproval(desk, named);
  const leftMs = Math.min(waitMs, approval.expires_at_unix_ms - clock());
  for await (const _ of store.changes(AbortSignal.timeout(Math.max(0, leftMs)))) {
    approval = await findApproval(desk, approval.approval_id);
    if (stateOf(approval, clock()) !== 'pending') break;
  }
  return approval;
}

/** The pending approvals, and then each as it arrives, until stopped. */
export async function* followPending(desk: FollowDesk, until: AbortSignal): AsyncGenerator<Approval> {
  const seen = new Set<string>();
  for await (const _ of desk.store.changes(until)) {
    const { approvals: book } = await desk.store.read('approvals');
    const pending = book.approvals.filter((approval) => stateOf(approval, desk.clock()) === 'pending');
    for (const approval of pending) {
      if (seen.has(approval.approval_id)) continue;
      seen.add(approval.approval_id);
      yield approval;
    }
  }
}
