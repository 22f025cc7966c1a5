import { Command } from 'commander';
import { type Grant, grantTerm, isStanding, ruleWords } from '../../../approvals/grant.ts';
import { shortId } from '../../../ids.ts';
import { printable } from '../../../text.ts';
import { rfc3339 } from '../../../time.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { momentColumn, sayList } from '../../table.ts';

export function grants(cli: Cli): Command {
  return new Command('grants')
    .summary('standing allows from session and timeboxed approvals')
    .description('What session and timeboxed approvals let through without asking again.')
    .addCommand(list(cli))
    .addCommand(revoke(cli));
}

function list(cli: Cli): Command {
  const verb = command('list')
    .summary('the grants in force')
    .description('List the grants in force, with the rule of each word for word.')
    .option('--all', 'those that have ended, too')
    .action(
      ending(cli, async ({ all }) => {
        const now = cli.world.clock();
        const { approvals: book } = await (await cli.store()).read('approvals');
        await sayList(cli.output, {
          schema: 'palyra.approvals.grants.list/1',
          items: book.grants.filter((grant) => all === true || isStanding(grant, now)),
          columns: [
            { heading: 'id', cell: (one) => shortId(one.grant_id), value: (one) => one.grant_id },
            { heading: 'by', cell: (one) => one.granted_by },
            momentColumn('since', now, 'created_at_unix_ms'),
            { heading: 'term', cell: (one) => grantTerm(one, now) },
            { heading: 'rule', cell: (one) => ruleWords(one.rule).join(' ') },
          ],
          record: (one) => grantJson(one, now),
          empty: 'no grant is in force',
        });
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'what runs without being asked for', command: 'palyra approvals grants list' }],
    exits: ['ok', 'unsafe_state'],
  });
}

function revoke(cli: Cli): Command {
  const verb = command('revoke')
    .summary('end a grant')
    .description(
      'End a grant: what it let through is asked for again, and approvals that it came from cannot be claimed.',
    )
    .argument('<id>', 'the grant, or the end of its id')
    .action(
      ending(cli, async (id: string) => {
        const { revokeGrant } = await import('../../../flows/revoke-grant.ts');
        const { answer, entry } = await revokeGrant(await openDesk(cli), id);
        const { grant, before } = answer;
        const now = cli.world.clock();
        if (cli.output.json) {
          const schema = 'palyra.approvals.grants.revoke/1';
          cli.output.value({ schema, ...grantJson(grant, now), changed: entry !== null, journal_seq: entry });
        } else {
          const how = before === 'ended' ? 'already ' : cli.options.dryRun ? 'would be ' : '';
          cli.output.note(`${how}${printable(grantTerm(grant, now))}  ${shortId(grant.grant_id)}`);
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'see which there are', command: 'palyra approvals grants list --all' }],
    exits: ['ok', 'usage', 'not_found', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}

function grantJson(grant: Grant, now: number) {
  return {
    ...grant,
    standing: isStanding(grant, now),
    rule_words: ruleWords(grant.rule),
    created_at: rfc3339(grant.created_at_unix_ms),
    ...(typeof grant.expires_at_unix_ms === 'number' ? { expires_at: rfc3339(grant.expires_at_unix_ms) } : {}),
  };
}
