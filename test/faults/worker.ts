import { readdirSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lowdbStore } from '../../src/adapters/state/lowdb-store.ts';
import { PalyraError } from '../../src/errors.ts';
import { verifyJournal } from '../../src/flows/verify-journal.ts';
import { addNote, addToken, draft, sampleShapes } from '../store/samples.ts';

// A process that changes the state and says on stdout what it was told is done, a line each, at once.
const [mode, root = '', name = '', times = '0'] = process.argv.slice(2);
const store = lowdbStore({ root, shapes: sampleShapes, notice: () => undefined });

if (mode === 'mint') await mint();
if (mode === 'mixed') await mixed();
if (mode === 'fill') await fill();
if (mode === 'read-only') await readOnly();

/** So many tokens; 0: until somebody ends us. */
async function mint(): Promise<void> {
  for (let i = 0; times === '0' || i < Number(times); i++) await once(`${name}-${i}`);
}

async function once(label: string): Promise<void> {
  try {
    const { answer } = await store.transact(['registry'], addToken(label));
    say({ done: answer });
  } catch (error) {
    say(told(error));
  }
}

/** Both documents in one transaction of two entries, and a payload. */
async function mixed(): Promise<void> {
  for (let i = 0; times === '0' || i < Number(times); i++) {
    const label = `${name}-${i}`;
    try {
      const { answer } = await store.transact(['registry', 'noteBook'], (state) => ({
        answer: label,
        documents: { ...addToken(label)(state).documents, ...addNote(label)(state).documents },
        entries: [draft('token.mint', { label }), draft('note.add', { label })],
        payloads: [Buffer.from(label)],
      }));
      say({ done: answer });
    } catch (error) {
      say(told(error));
    }
  }
}

/** On a disk that is too small: what happens when it is full, and after there is room again. */
async function fill(): Promise<void> {
  const ballast = join(name, 'ballast');
  writeFileSync(ballast, Buffer.alloc(64 * 1024, 1));
  const done: string[] = [];
  let refusal: unknown;
  for (let i = 0; refusal === undefined && i < 10_000; i++) {
    const note = `${i} ${'x'.repeat(2000)}`;
    await store.transact(['noteBook'], addNote(note)).then(
      () => done.push(note),
      (error: unknown) => {
        refusal = told(error);
      },
    );
  }
  const whenFull = (await store.read('noteBook')).noteBook.notes;
  const leftovers = readdirSync(root).filter((file) => file.startsWith('.tmp.'));
  const { fault } = await verifyJournal(store);
  unlinkSync(ballast);
  await store.transact(['noteBook'], addNote('after'));
  const afterwards = (await store.read('noteBook')).noteBook.notes;
  say({
    some: done.length > 0,
    refusal,
    kept: JSON.stringify(whenFull) === JSON.stringify(done),
    leftovers,
    fault,
    goesOn: JSON.stringify(afterwards) === JSON.stringify([...done, 'after']),
  });
}

/** On a disk that was made read-only: reading works, changing is refused. */
async function readOnly(): Promise<void> {
  const before = await store.read('registry');
  const refusal = await store.transact(['registry'], addToken('late')).catch(told);
  say({ read: before.registry.api_tokens.map(({ label }) => label), refusal, verified: await verifyJournal(store) });
}

function told(error: unknown): unknown {
  if (!(error instanceof PalyraError)) throw error;
  return { refused: error.code, why: error.why, committed: error.details?.committed === true };
}

function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}
