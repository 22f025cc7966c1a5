import { describe, expect, test } from 'vitest';
import { PalyraError } from '../../src/errors.ts';
import { allLostRuns, examineRuns, finishRuns } from '../../src/flows/lost-runs.ts';
import { readJournal } from '../../src/flows/read-journal.ts';
import type { Aftermath, ProtectedChange } from '../../src/sandbox/execution.ts';
import { memoryStore } from '../../src/store/memory-store.ts';
import type { OpenRun, OpenRuns } from '../../src/store/open-runs.ts';
import { type State, stateShapes } from '../../src/store/state.ts';
import type { Store } from '../../src/store/store.ts';
import { actingAs, NOW } from '../access/samples.ts';
import { draft } from '../store/samples.ts';

const BEFORE = { workspace: '/srv/demo' } as OpenRun['before'];
const HOOK: ProtectedChange = { path: '.git/hooks/pre-commit', change: 'created', movedTo: '.palyra/pre-commit' };

const LEFT: Aftermath = {
  protectedFiles: [HOOK],
  repositories: [{ path: 'sub', change: 'created' }],
  isSearched: true,
};

/** A journal in which these runs begin (`+a`), end (`-a`), or are no run at all. */
async function storeWith(...steps: readonly string[]): Promise<Store<State>> {
  const store = memoryStore<State>(stateShapes);
  for (const step of steps) {
    const attestation_id = step.slice(1);
    const entry = step.startsWith('+')
      ? draft('exec.start', { attestation_id, execution: { cwd: `/srv/${attestation_id}` } })
      : draft(step.startsWith('-') ? 'exec.end' : 'exec.refuse', { attestation_id });
    await store.transact([], () => ({ answer: null, entries: [entry] }));
  }
  return store;
}

function keptRuns(ids: Iterable<string>): OpenRun[] {
  return [...ids].map((attestationId) => ({ attestationId, before: BEFORE }));
}

function runsOf(running: readonly string[], lost: readonly string[] = []): OpenRuns {
  const kept = new Set(lost);
  return {
    keep: () => undefined,
    forget: (id) => kept.delete(id),
    list: () => ({ running: keptRuns(running), lost: keptRuns(kept), unreadable: [] }),
  };
}

describe('a run is lost', () => {
  test('that began and did not end, unless its palyra is still there', async () => {
    const store = await storeWith('+done', '-done', '+gone', '+running', '!refused', '+late');
    expect(await allLostRuns(store, runsOf(['running']))).toEqual([
      { attestationId: 'gone', workspace: '/srv/gone' },
      { attestationId: 'late', workspace: '/srv/late' },
    ]);
  });

  test('of which something was kept, whatever the journal says of it', async () => {
    const store = await storeWith('+kept', '+ended', '-ended');
    const lost = await allLostRuns(store, runsOf([], ['kept', 'ended', 'unwritten']));
    expect(lost).toEqual(
      ['kept', 'ended', 'unwritten'].map((attestationId) => ({
        ...{ attestationId, before: BEFORE, workspace: '/srv/demo' },
      })),
    );
  });

  test('not, if it begins while the journal is read', async () => {
    const store = await storeWith('+new');
    let looked = 0;
    const list = () => ({ running: keptRuns(looked++ < 2 ? [] : ['new']), lost: [], unreadable: [] });
    const runs = { ...runsOf([]), list };
    expect(await allLostRuns(store, runs)).toEqual([]);
  });
});

test('what a lost run left is put aside once, and its end is written down', async () => {
  const store = await storeWith('+01KEPT00', '+01GONE00');
  const runs = runsOf([], ['01KEPT00']);
  const put: string[] = [];
  const sandbox = {
    finish: (_: unknown, name: string) => {
      put.push(name);
      return LEFT;
    },
  };
  const lost = await allLostRuns(store, runs);
  const desk = { store, clock: () => NOW, acting: actingAs('user:ops') };
  expect(await finishRuns(desk, { runs, sandbox }, lost)).toEqual(
    lost.map((run) => ({ ...run, aftermath: run.before === undefined ? undefined : LEFT })),
  );
  expect(put).toEqual(['01kept00']);
  const ends = [];
  for await (const { body } of readJournal(store, { kind: 'exec.end' })) ends.push(body.payload);
  const end = { outcome: 'lost', reason_code: 'exec.lost' };
  expect(ends).toEqual([
    {
      ...{ ...end, attestation_id: '01KEPT00', workspace: '/srv/demo' },
      protected_files: [{ path: HOOK.path, change: 'created', moved_to: HOOK.movedTo }],
      repositories: [{ path: 'sub', change: 'created' }],
      repositories_searched: true,
    },
    {
      ...{ ...end, attestation_id: '01GONE00', workspace: '/srv/01GONE00' },
      ...{ protected_files: null, repositories: null, repositories_searched: false },
    },
  ]);
  expect(await allLostRuns(store, runs)).toEqual([]);
  // another process has forgotten it meanwhile: it wrote the end
  expect(await finishRuns(desk, { runs, sandbox }, lost.slice(0, 1))).toEqual([]);
});

test('the doctor tells them, and leaves a journal that cannot be read to the finding of its own', async () => {
  const store = await storeWith('+gone');
  expect(await examineRuns(store, runsOf([], ['kept']))).toMatchObject([
    { code: 'run.cut_off', isWrong: false, isFixable: true, remedy: 'palyra doctor --fix' },
    { code: 'run.unended', isWrong: false, isFixable: true, remedy: expect.stringContaining('/srv/gone') },
  ]);
  const failing = (error: Error) => ({ journal: { ...store.journal, lines: () => unreadable(error) } });
  const damaged = new PalyraError('store.unsafe', 'damaged');
  expect(await examineRuns(failing(damaged), runsOf([]))).toEqual([]);
  await expect(examineRuns(failing(new TypeError('a bug')), runsOf([]))).rejects.toThrow('a bug');
});

// biome-ignore lint/correctness/useYield: it fails before the first line
async function* unreadable(error: Error): AsyncGenerator<never> {
  throw error;
}
