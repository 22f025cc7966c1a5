import { examineRegistry } from '../access/health.ts';
import { type Approval, stateOf } from '../approvals/approval.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError } from '../errors.ts';
import { type Finding, findingOf } from '../finding.ts';
import { toolNames } from '../policy/catalog.ts';
import { asciiLower, trim } from '../policy/request.ts';
import type { MachineInspector, StateInspector } from '../store/inspection.ts';
import type { OpenRuns } from '../store/open-runs.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import { nearest } from '../text.ts';
import type { Clock } from '../time.ts';
import { examineRuns } from './lost-runs.ts';
import type { Validation } from './policy/validate-policies.ts';
import { readPayload } from './read-payload.ts';
import { verifyJournal } from './verify-journal.ts';

export interface DiagnosisDesk {
  readonly store: Pick<Store<State>, 'journal' | 'payload'>;
  readonly state: StateInspector<State>;
  readonly runs: OpenRuns;
  readonly machine: MachineInspector;
  readonly config: () => Promise<EffectiveConfig>;
  /** hold the configured policies against the schema */
  readonly validate: (config: EffectiveConfig) => Promise<Validation>;
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

async function examineConfig(desk: DiagnosisDesk) {
  const { configPath, machine } = desk;
  const findings = [...machine.inspectConfigFile(configPath)];
  try {
    const config = await desk.config();
    const { enabled, tier } = config.settings.tool_call.process_runner;
    return {
      findings: [...findings, ...examineNames(config), ...(await examinePolicies(desk, config))],
      wantsSandbox: enabled && tier === 'c',
    };
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    // what others may write is refused for just that
    if (findings.some(({ code }) => code === 'config.writable_by_others')) return { findings, wantsSandbox: false };
    const words = { why: 'no command that needs the configuration works', remedy: `mend ${configPath}` };
    return { findings: [...findings, findingOf(error, 'config.invalid', words)], wantsSandbox: false };
  }
}

/** Tools that are allowed, and that nobody has, though there is one of nearly that name. */
function examineNames({ settings: { tool_call: allowed } }: EffectiveConfig): Finding[] {
  const known = toolNames();
  return allowed.allowed_tools.flatMap((name) => {
    const [near] = known.includes(asciiLower(trim(name))) ? [] : nearest(name, known);
    if (near === undefined) return [];
    const what = `tool_call.allowed_tools has ${name}, which the tool catalog does not have`;
    const why = `${near} is not allowed by it`;
    return [
      { code: 'config.unknown_tool', isWrong: false, what, why, remedy: `did you mean ${near}?`, isFixable: false },
    ];
  });
}

async function examinePolicies({ validate }: DiagnosisDesk, config: EffectiveConfig): Promise<Finding[]> {
  if (config.policyPaths.length === 0) return [];
  try {
    const { findings } = await validate(config);
    return findings.map(({ severity, policy, file, line, column, message, help }) => {
      const isWrong = severity === 'error';
      const whole = 'every decision fails until the file can be read';
      const one = 'the policy fails where it is asked, and a forbid that fails denies';
      return {
        code: isWrong ? 'policy.invalid' : 'policy.doubtful',
        isWrong,
        what: `${file}:${line}:${column}: ${message}`,
        why: !isWrong ? 'it is most probably not what was meant' : policy === undefined ? whole : one,
        remedy: help ?? 'palyra policy validate',
        isFixable: false,
      };
    });
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    const words = { why: 'no decision can be made without it', remedy: 'palyra policy show --config' };
    return [findingOf(error, 'policy.unreadable', words)];
  }
}
