import { examineRegistry } from '../access/health.ts';
import { type Approval, stateOf } from '../approvals/approval.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError } from '../errors.ts';
import { type Finding, findingOf } from '../finding.ts';
import type { MachineInspector, StateInspector } from '../store/inspection.ts';
import type { OpenRuns } from '../store/open-runs.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../time.ts';
import { examineRuns } from './lost-runs.ts';
import { readPayload } from './read-payload.ts';
import { verifyJournal } from './verify-journal.ts';

export interface DiagnosisDesk {
  readonly store: Pick<Store<State>, 'journal' | 'payload'>;
  readonly state: StateInspector<State>;
  readonly runs: OpenRuns;
  readonly machine: MachineInspector;
  readonly config: () => Promise<EffectiveConfig>;
  readonly configPath: string;
  readonly clock: Clock;
}

/** Look at everything; changes nothing. What can only be trusted once something else is repaired is looked at then. */
export async function diagnose(desk: DiagnosisDesk): Promise<Finding[]> {
  const config = await examineConfig(desk);
  return [...(await examineState(desk)), ...config.findings, ...desk.machine.inspectMachine(config.wantsSandbox)];
}

async function examineState({ state, store, runs, clock }: DiagnosisDesk): Promise<Finding[]> {
  if (!state.isThere()) return [];
  const files = await state.inspectFiles();
  // what others may have put there is not read
  if (files.some(({ isWrong }) => isWrong)) return [...files];
  const chain = await examineJournal(store);
  const { findings, documents } = await state.inspectDocuments();
  const { registry, approvals } = documents;
  const lost = await examineRuns(store, runs);
  return [
    ...files,
    ...chain,
    ...findings,
    ...lost,
    ...(registry === undefined ? [] : examineRegistry(registry, clock())),
    ...(approvals === undefined ? [] : await examinePayloads(store, approvals.approvals, clock())),
  ];
}

/** The inputs of what waits for an answer, or may still be claimed. */
async function examinePayloads(
  store: DiagnosisDesk['store'],
  approvals: readonly Approval[],
  now: number,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const approval of approvals) {
    const state = stateOf(approval, now);
    if (state !== 'pending' && state !== 'allowed') continue;
    try {
      await readPayload({ store }, approval);
    } catch (error) {
      if (!(error instanceof PalyraError)) throw error;
      const deny = `palyra approvals resolve ${approval.approval_id}   and deny it, or put the file back`;
      const remedy = state === 'pending' ? deny : 'put the file back, or let it lapse and ask again';
      found.push(findingOf(error, 'approval.input_damaged', { why: 'what was asked for cannot be seen', remedy }));
    }
  }
  return found;
}

async function examineJournal(store: DiagnosisDesk['store']): Promise<Finding[]> {
  const words = {
    why: 'it was changed by something else than palyra, or an older copy was put in its place',
    remedy: 'palyra journal verify   then put back the newest copy',
  };
  try {
    const { fault } = await verifyJournal(store);
    // that the checkpoint is missing is found with the documents, which it binds as well
    if (fault === null || fault.fault === 'unbound') return [];
    const place = fault.place === null ? '' : `${fault.place}: `;
    const what = `the journal is not as it was written: ${place}${fault.words}`;
    return [{ code: `journal.${fault.fault}`, isWrong: true, what, isFixable: false, ...words }];
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    return [findingOf(error, 'journal.unreadable', words)];
  }
}

async function examineConfig({ config, configPath, machine }: DiagnosisDesk) {
  const findings = [...machine.inspectConfigFile(configPath)];
  try {
    const { settings } = await config();
    const { enabled, tier } = settings.tool_call.process_runner;
    return { findings, wantsSandbox: enabled && tier === 'c' };
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    // what others may write is refused for just that
    if (findings.some(({ code }) => code === 'config.writable_by_others')) return { findings, wantsSandbox: false };
    const words = { why: 'no command that needs the configuration works', remedy: `mend ${configPath}` };
    return { findings: [...findings, findingOf(error, 'config.invalid', words)], wantsSandbox: false };
  }
}
