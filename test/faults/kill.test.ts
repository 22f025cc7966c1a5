import { expect, test } from 'vitest';
import { freshRoot, openStore } from '../adapters/state-root.ts';
import { addToken } from '../store/samples.ts';
import { buildWorker, type Said, startWorker } from './processes.ts';
import { expectPromisesKept } from './promises.ts';

const worker = buildWorker();
/** a soak runs more of them */
const ROUNDS = Number(process.env.PALYRA_KILL_ROUNDS ?? 60);

test(`${ROUNDS} kills at random moments lose nothing and leave no lock behind`, { timeout: 3_600_000 }, async () => {
  const root = freshRoot();
  const said: Said[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const mode = round % 3 === 0 ? 'mixed' : 'mint';
    const workers = [0, 1].map((i) => startWorker(worker, [mode, root, `r${round}w${i}`]));
    await Promise.race(workers.map(({ spoke }) => spoke));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    for (const { child } of workers) child.kill('SIGKILL');
    for (const { over } of workers) said.push(...(await over).said);
    // whoever comes next finds the lock free and finishes what was begun
    await openStore(root).transact(['registry'], addToken(`after-${round}`));
    if (round % 10 === 9 || round === ROUNDS - 1) await expectPromisesKept(root, said);
  }
  expect(said.length).toBeGreaterThanOrEqual(ROUNDS);
});
