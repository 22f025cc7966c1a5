import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import { count } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { drained } from '../../output.ts';

export function exportJournal(cli: Cli): Command {
  const verb = command('export')
    .summary('write the journal for others to verify')
    .description('Write every entry of the journal, byte for byte as it is chained, one a line.')
    .action(ending(cli, async () => await writeLines(cli)));
  return worded(verb, {
    about: `Each line is {"prev", "hash", "body"}. body is a text, the JSON of the entry; hash is the SHA-256, in lower-case
hexadecimal, of prev, a line feed, and body; prev is the hash of the line before, 64 zeros for the first. Whoever has
the lines needs no palyra to verify them:

  node -e '
    let head = "0".repeat(64);
    const lines = fs.readFileSync(0, "utf8").trimEnd().split("\\n");
    for (const { prev, hash, body } of lines.map((line) => JSON.parse(line))) {
      const due = crypto.createHash("sha256").update(head + "\\n" + body);
      if (prev !== head || hash !== due.digest("hex")) throw "not as written: " + hash;
      head = hash;
    }
    console.log(head)' < journal.ndjson

It prints the head; palyra journal verify --head holds a journal to one. A journal that does not verify is exported all
the same, with a warning and exit 6.`,
    examples: [{ says: 'into a file', command: 'palyra journal export > journal.ndjson' }],
    exits: ['ok', 'usage', 'check_failed', 'unsafe_state'],
  });
}

async function writeLines({ world, output, store }: Cli): Promise<ExitName> {
  if (output.isTerminal) {
    throw new PalyraError('usage.invalid', 'the export is for a file, not for a terminal', {
      why: 'it is written byte for byte, and what is in it could steer a terminal',
      hint: 'palyra journal export > journal.ndjson   (to read it: palyra journal log)',
    });
  }
  const { verifyJournal } = await import('../../../flows/verify-journal.ts');
  const { journal } = await store();
  const { head, fault } = await verifyJournal({ journal });
  let written = 0;
  for await (const { text, whole } of journal.lines()) {
    // what came after it was verified, or a crash left unfinished, is not vouched for
    if (!whole || (fault === null && written === head.seq)) break;
    if (world.stdout.destroyed) throw new PalyraError('output.closed', 'nobody reads the entries any more');
    output.answer(text);
    written++;
    if (world.stdout.writableNeedDrain) await drained(world.stdout);
  }
  if (fault !== null) {
    output.warn(`the journal is not as it was written: ${fault.words}`, 'palyra journal verify');
    return 'check_failed';
  }
  output.note(`${count(written, 'entry', 'entries')}, head ${head.hash}`);
  return 'ok';
}
