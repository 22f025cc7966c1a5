import type { Command } from 'commander';
import { exportLines } from '../../../approvals/export.ts';
import { asciiJson } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { filterOf } from './list.ts';

export function exportApprovals(cli: Cli): Command {
  const verb = command('export')
    .summary('approvals as JSON lines that a third party can verify')
    .description('Write approvals as JSON lines, oldest first, each chained to the one before it.')
    .option('--since <time>', 'asked for at or after: 12h, 30d, or an RFC 3339 time')
    .option('--until <time>', 'asked for before')
    .action(
      ending(cli, async (options) => {
        const { readApprovals } = await import('../../../flows/find-approval.ts');
        const passes = filterOf(options, cli.world.clock());
        const approvals = (await readApprovals({ store: await cli.store() })).filter(passes);
        for (const line of exportLines(approvals)) cli.output.answer(asciiJson(line));
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `record_checksum_sha256 is the SHA-256 of the record's RFC 8785 form; chain_checksum_sha256 that of schema, sequence,
prev_checksum_sha256 and record_checksum_sha256, parted by line feeds. The first prev is 64 zeros.`,
    examples: [{ says: 'the approvals of a month', command: 'palyra approvals export --since 30d > approvals.ndjson' }],
    exits: ['ok', 'usage', 'unsafe_state'],
  });
}
