import type { Acting } from '../access/actor.ts';
import { PalyraError } from '../errors.ts';
import type { Finding } from '../finding.ts';
import type { EntryDraft } from '../journal/entry.ts';
import { type Aftermath, aftermathRecord } from '../sandbox/execution.ts';
import type { Sandbox } from '../sandbox/runner.ts';
import type { OpenRun, OpenRuns } from '../store/open-runs.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../time.ts';
import { readJournal } from './read-journal.ts';

/** A run whose palyra was killed; `before` is left out where nothing was kept of it. */
export interface LostRun extends Pick<OpenRun, 'attestationId'> {
  readonly workspace: string;
  readonly before?: OpenRun['before'];
}

/** What became of it. `aftermath`: undefined if the workspace is not there any more, or nothing was kept. */
export interface FinishedRun extends LostRun {
  readonly aftermath: Aftermath | undefined;
}

/** Those of which something was kept, and the ids of those of which it cannot be read: it takes one look at a folder. */
export function keptLostRuns(runs: OpenRuns): { readonly lost: LostRun[]; readonly unreadable: readonly string[] } {
  const { lost, unreadable } = runs.list();
  return { lost: lost.map((run) => ({ ...run, workspace: run.before.workspace })), unreadable };
}

/**
 * Those that the journal has beginning and not ending as well.
 * @throws PalyraError store.unsafe
 */
export async function allLostRuns(store: Pick<Store<State>, 'journal'>, runs: OpenRuns): Promise<LostRun[]> {
  // before the journal is read: whatever begins meanwhile is not lost
  const running = idsOf(runs.list().running);
  const lost = new Map(keptLostRuns(runs).lost.map((run) => [run.attestationId, run]));
  for await (const { body } of readJournal(store, { kind: 'exec' })) {
    const { attestation_id: id, execution } = body.payload;
    if (typeof id !== 'string') continue;
    if (body.kind === 'exec.end' && lost.get(id)?.before === undefined) lost.delete(id);
    if (body.kind !== 'exec.start' || running.includes(id) || lost.has(id)) continue;
    const cwd = typeof execution === 'object' && execution !== null && 'cwd' in execution ? execution.cwd : undefined;
    lost.set(id, { attestationId: id, workspace: String(cwd ?? '') });
  }
  const now = new Set(idsOf(runs.list().running));
  return [...lost.values()].filter(({ attestationId }) => !now.has(attestationId));
}

function idsOf(runs: readonly OpenRun[]): string[] {
  return runs.map(({ attestationId }) => attestationId);
}

/** Do what they did not live to do: put aside what their commands made, and write down that they ended. */
export async function finishRuns(
  { store, clock, acting }: { readonly store: Store<State>; readonly clock: Clock; readonly acting: Acting },
  { runs, sandbox }: { readonly runs: OpenRuns; readonly sandbox: Pick<Sandbox, 'finish'> },
  lost: readonly LostRun[],
): Promise<FinishedRun[]> {
  const finished: FinishedRun[] = [];
  for (const run of lost) {
    const { attestationId, workspace, before } = run;
    const aftermath = before === undefined ? undefined : sandbox.finish(before, attestationId.slice(-8).toLowerCase());
    // another process may have finished it meanwhile; what cannot be read goes too
    if (!runs.forget(attestationId) && before !== undefined) continue;
    const payload = {
      attestation_id: attestationId,
      outcome: 'lost',
      reason_code: 'exec.lost',
      workspace,
      ...(aftermath === undefined ? NOT_LOOKED_AT : aftermathRecord(aftermath)),
    };
    const draft: EntryDraft = { timeUnixMs: clock(), actor: acting.actor, kind: 'exec.end', payload };
    await store.transact([], () => ({ answer: null, entries: [draft] }));
    finished.push({ ...run, aftermath });
  }
  return finished;
}

const NOT_LOOKED_AT = { protected_files: null, repositories: null, repositories_searched: false };

/** The doctor's words for them. */
export async function examineRuns(store: Pick<Store<State>, 'journal'>, runs: OpenRuns): Promise<Finding[]> {
  try {
    return (await allLostRuns(store, runs)).map(finding);
  } catch (error) {
    // a journal that cannot be read is a finding of its own
    if (error instanceof PalyraError) return [];
    throw error;
  }
}

function finding({ attestationId, workspace, before }: LostRun): Finding {
  const what = `a command in ${workspace} began and its end was never written down (run …${attestationId.slice(-6)})`;
  return before === undefined
    ? {
        ...{ code: 'run.unended', isWrong: false, what, isFixable: true },
        why: 'palyra was killed while it ran, or what it kept was damaged: what stood there before is not known',
        remedy: `look at ${workspace}, then: palyra doctor --fix   writes down that it ended`,
      }
    : {
        ...{ code: 'run.cut_off', isWrong: false, what, isFixable: true },
        why: 'palyra was killed while it ran, so nobody looked at the files that programs obey',
        remedy: 'palyra doctor --fix',
      };
}
