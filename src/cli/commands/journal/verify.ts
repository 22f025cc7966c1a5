import type { Command } from 'commander';
import type { JournalVerdict } from '../../../flows/verify-journal.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';

export function verify(cli: Cli): Command {
  const verb = command('verify')
    .summary('is the journal as it was written')
    .description('Hold every entry of the journal to the one before it, and the whole to its head.')
    .option('--head <sha256>', 'a head that was kept elsewhere: its entry must be in the journal')
    .action(
      ending(cli, async ({ head }) => {
        const { verifyJournal } = await import('../../../flows/verify-journal.ts');
        const verdict = await verifyJournal(await cli.store(), head);
        sayVerdict(cli, verdict);
        return verdict.fault === null ? 'ok' : 'check_failed';
      }),
    );
  return worded(verb, {
    about: `Finds an entry that was edited, removed, put in, moved or replayed, and a journal that was cut, and names the first
bad line (exit 6). A line that a crash left unfinished is no tampering: nobody was told that it happened, and the next
change cuts it off. A registry that another program wrote between two entries is none either, but is told.

Whoever can write the state root can rewrite everything in it, head and all. Keep the head that this prints somewhere
else, and hold the journal to it with --head.`,
    examples: [
      { says: 'verify, and print the head', command: 'palyra journal verify' },
      {
        says: 'hold it to a head that was kept elsewhere',
        command:
          'palyra journal verify --head "$(palyra journal verify --json | sed \'s/.*"sha256":"\\([0-9a-f]*\\)".*/\\1/\')"',
      },
    ],
    exits: ['ok', 'usage', 'check_failed', 'unsafe_state'],
  });
}

function sayVerdict({ output }: Cli, { head, torn, fault, rewritten }: JournalVerdict): void {
  if (output.json) {
    output.value({
      schema: 'palyra.journal.verify/1',
      ok: fault === null,
      head: { seq: head.seq, sha256: head.hash },
      torn,
      fault,
      rewritten,
    });
    return;
  }
  const { good, bad } = output.paint;
  if (fault === null) {
    output.answer(`${good('✓')} ${count(head.seq, 'entry', 'entries')}, as written`);
  } else {
    const place = fault.place === null ? '' : `${printable(fault.place)}   `;
    output.answer(`${bad('✗')} ${place}${fault.fault}: ${printable(fault.words)}`);
    const before = fault.place === null ? '' : ' before it';
    output.answer(`  ${count(head.seq, 'entry', 'entries')}${before}, as written`);
  }
  output.answer(`  head ${head.hash}`);
  if (torn !== null) {
    output.note(
      `${printable(torn)} was left unfinished by a crash and never acknowledged; the next change cuts it off`,
    );
  }
  for (const { document, times, seq } of rewritten) {
    output.note(
      `something else than palyra had written ${printable(document)} ${count(times, 'time', 'times')}, last before entry ${seq}`,
    );
  }
}
