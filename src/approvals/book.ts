import type { DocumentShape } from '../document.ts';
import { type Checked, list, record, text, whole } from '../schema.ts';
import { type Approval, approvalRecord, type Settlement, stateOf } from './approval.ts';
import { grantRecord, isStanding } from './grant.ts';

const book = record({
  version: whole,
  approvals: list(approvalRecord),
  grants: list(grantRecord),
  /** how many calls each run has made, where there is a limit */
  runs: list(record({ run_id: text, calls: whole })),
});

/**
 * What is live: approvals that wait or may still be used, grants, and the newest of those that are over. Everything that
 * ever was is in the journal, so that a long history costs nothing when the next call asks.
 */
export type ApprovalBook = Checked<typeof book>;

export const approvalsShape: DocumentShape<ApprovalBook> = {
  name: 'approvals.json',
  version: { field: 'version', understood: 1 },
  shared: false,
  check: book,
  empty: () => ({ version: 1, approvals: [], grants: [], runs: [] }),
};

/** So many may wait at a time. */
export const PENDING_LIMIT = 10_000;

const FINISHED_KEPT = 100;
const RUNS_KEPT = 10_000;

/** What happened to an approval since it was asked for. */
export type ApprovalChanges = Settlement & Pick<Approval, 'used_at_unix_ms'>;

/** The book with one approval changed. */
export function changeApproval(before: ApprovalBook, approvalId: string, changes: ApprovalChanges): ApprovalBook {
  const approvals = before.approvals.map((approval) =>
    approval.approval_id === approvalId ? { ...approval, ...changes } : approval,
  );
  return { ...before, approvals };
}

/** The book with one call of a run counted. */
export function countCall(before: ApprovalBook, runId: string): ApprovalBook {
  const calls = callsOf(before, runId) + 1;
  const others = before.runs.filter((run) => run.run_id !== runId);
  return { ...before, runs: [...others, { run_id: runId, calls }].slice(-RUNS_KEPT) };
}

export function callsOf({ runs }: ApprovalBook, runId: string): number {
  return runs.find((run) => run.run_id === runId)?.calls ?? 0;
}

/** The book without the oldest of what is over. */
export function withoutOldest(before: ApprovalBook, now: number): ApprovalBook {
  return {
    ...before,
    approvals: dropOldest(before.approvals, (approval) => isOver(approval, now)),
    grants: dropOldest(before.grants, (grant) => !isStanding(grant, now)),
  };
}

function isOver(approval: Approval, now: number): boolean {
  const state = stateOf(approval, now);
  return state !== 'pending' && state !== 'allowed';
}

function dropOldest<T>(items: readonly T[], isFinished: (item: T) => boolean): readonly T[] {
  let surplus = items.filter(isFinished).length - FINISHED_KEPT;
  return items.filter((item) => !(isFinished(item) && surplus-- > 0));
}
