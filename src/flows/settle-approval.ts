import { namesOf } from '../access/actor.ts';
import { isOn } from '../access/flag.ts';
import { requirePermission } from '../access/permission.ts';
import {
  type Approval,
  decidedAlready,
  isAskedBy,
  isOverdue,
  type Settlement,
  settle,
  type Verdict,
} from '../approvals/approval.ts';
import { type ApprovalBook, changeApproval } from '../approvals/book.ts';
import { type Grant, newGrant } from '../approvals/grant.ts';
import { PalyraError } from '../errors.ts';
import { shortId, ulid } from '../ids.ts';
import type { Acted, Desk, Moment } from './act.ts';
import { findApproval } from './find-approval.ts';
import { actOnBook, changeEntry } from './gate-work.ts';
import { readPayload } from './read-payload.ts';

/** A settled approval, and the standing grant that it made. */
export interface Settled {
  readonly approval: Approval;
  readonly grant: Grant | undefined;
}

/**
 * Record an operator's answer to a pending approval. Of several at once one wins; the others learn what was decided.
 * @param named the id, or the end of it
 * @throws PalyraError store.conflict, store.not_found, store.unsafe (an allow of an input that is gone or changed),
 *   access.forbidden, usage.invalid
 */
export async function settleApproval(desk: Desk, named: string, verdict: Verdict): Promise<Acted<Settled>> {
  const { clock, random } = desk;
  const found = await findApproval(desk, named);
  // nobody can have seen what is not there
  if (verdict.decision === 'allow') await readPayload(desk, found);
  const grantId = ulid(clock(), random(10));
  return await actOnBook<Settled>(desk, (book, moment) => {
    const approval = book.approvals.find(({ approval_id }) => approval_id === found.approval_id);
    if (approval === undefined) throw decidedAlready(found, moment.now);
    refuseOwn(approval, moment);
    const by = moment.acting.principal;
    const settlement = settle(approval, verdict, { by, now: moment.now });
    const grant = newGrant(approval, settlement, { grantId, by, now: moment.now });
    const changes: Settlement = grant === undefined ? settlement : { ...settlement, grant_id: grantId };
    return {
      answer: { approval: { ...approval, ...changes }, grant },
      entry: changeEntry('approval.resolve', approval, changes, {
        request_sha256: approval.request_sha256,
        ...(grant === undefined ? {} : { grant }),
      }),
      book: withGrant(changeApproval(book, approval.approval_id, changes), grant),
    };
  });
}

/** Write down which approvals' time is over, if any's is: whoever sees it first decides it. */
export async function settleOverdue(desk: Desk): Promise<void> {
  const { approvals: book } = await desk.store.read('approvals');
  const now = desk.clock();
  if (book.approvals.some((approval) => isOverdue(approval, now))) await actOnBook(desk, () => ({ answer: null }));
}

/** With rbac on it takes trust.operate, and nobody approves what they asked for, in whatever name. */
function refuseOwn(approval: Approval, { acting, registry }: Moment): void {
  requirePermission(registry, acting, 'trust.operate');
  if (!isOn(registry, 'rbac') || !isAskedBy(approval, namesOf(acting))) return;
  throw new PalyraError('access.forbidden', `${shortId(approval.approval_id)} is your own request`, {
    why: 'with rbac on, nobody approves what they asked for themselves',
    hint: 'ask another operator',
  });
}

function withGrant(book: ApprovalBook, grant: Grant | undefined): ApprovalBook {
  return grant === undefined ? book : { ...book, grants: [...book.grants, grant] };
}
