import type { Command } from 'commander';
import { type Approval, type ApprovalState, SUBJECT_TYPES, stateOf } from '../../../approvals/approval.ts';
import { shortId } from '../../../ids.ts';
import { parseMoment } from '../../../time.ts';
import { readChoice } from '../../choice.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { noteKindless } from '../../principal.ts';
import { momentColumn, sayList } from '../../table.ts';
import { approvalJson, standing } from './words.ts';

export function list(cli: Cli): Command {
  const verb = command('list')
    .summary('approvals that wait, and those of the past')
    .description('List approvals: those that wait first, then those of the past, newest first.')
    .option('--since <time>', 'asked for at or after: 12h, 30d, or an RFC 3339 time')
    .option('--until <time>', 'asked for before')
    .option('--subject <subject>', 'a tool, or tool:NAME as it is listed')
    .option('--principal <principal>', 'who asked')
    .option('--decision <decision>', 'pending, allow, deny, timeout or error')
    .option('--type <type>', 'tool or browser_action')
    .action(
      ending(cli, async (options) => {
        const { readApprovals, readLive } = await import('../../../flows/find-approval.ts');
        const now = cli.world.clock();
        const passes = filterOf(options, now);
        noteKindless(cli, options.principal);
        const read = options.decision === 'pending' ? readLive : readApprovals;
        const all = (await read({ store: await cli.store() })).filter(passes).reverse();
        const isPending = (approval: Approval): boolean => stateOf(approval, now) === 'pending';
        await sayList(cli.output, {
          schema: 'palyra.approvals.list/1',
          items: [...all.filter(isPending), ...all.filter((approval) => !isPending(approval))],
          columns: [
            { heading: 'id', cell: (one) => shortId(one.approval_id), value: (one) => one.approval_id },
            { heading: 'subject', cell: (one) => one.subject_id },
            { heading: 'risk', cell: (one) => one.prompt.risk_level },
            { heading: 'principal', cell: (one) => one.principal },
            momentColumn('asked', now, 'requested_at_unix_ms'),
            { heading: 'standing', cell: (one) => standing(one, now) },
          ],
          record: (one) => approvalJson(one, now),
          empty: 'no approval has been asked for',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      { says: 'what waits for an answer', command: 'palyra approvals list --decision pending' },
      { says: 'what was denied this month', command: 'palyra approvals list --decision deny --since 30d --json' },
    ],
    exits: ['ok', 'usage', 'unsafe_state'],
  });
}

export interface ApprovalFilter {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly subject?: string | undefined;
  readonly principal?: string | undefined;
  readonly decision?: string | undefined;
  readonly type?: string | undefined;
}

const DECISIONS = ['pending', 'allow', 'deny', 'timeout', 'error'] as const;
const DECISION_OF = {
  pending: 'pending',
  allowed: 'allow',
  used: 'allow',
  lapsed: 'allow',
  denied: 'deny',
  timed_out: 'timeout',
  failed: 'error',
} as const satisfies Record<ApprovalState, (typeof DECISIONS)[number]>;

/**
 * Whether an approval passes every condition that is given.
 * @throws PalyraError usage.invalid, usage.unknown
 */
export function filterOf(given: ApprovalFilter, now: number): (approval: Approval) => boolean {
  const since = given.since === undefined ? null : parseMoment(given.since, now, '--since', -1);
  const until = given.until === undefined ? null : parseMoment(given.until, now, '--until', -1);
  const { subject, principal } = given;
  const type = given.type === undefined ? undefined : readChoice('type', given.type, SUBJECT_TYPES);
  const decision = given.decision === undefined ? undefined : readChoice('decision', given.decision, DECISIONS);
  return (approval) =>
    (since === null || approval.requested_at_unix_ms >= since) &&
    (until === null || approval.requested_at_unix_ms < until) &&
    (subject === undefined ||
      approval.subject_id === subject ||
      approval.subject_id.split('|')[0] === `tool:${subject}`) &&
    (principal === undefined || approval.principal === principal) &&
    (decision === undefined || DECISION_OF[stateOf(approval, now)] === decision) &&
    (type === undefined || approval.subject_type === type);
}
