import type { Acting } from '../access/actor.ts';
import { type Approval, decisionWords, stateOf } from '../approvals/approval.ts';
import { type ExecutionContext, type Proposal, type SealedProposal, variablesSha256 } from '../approvals/proposal.ts';
import { canonicalJson } from '../canonical.ts';
import { ulid } from '../ids.ts';
import type { EntryDraft } from '../journal/entry.ts';
import type { PolicyRequest } from '../policy/request.ts';
import {
  type Ending,
  type Execution,
  executionRecord,
  executionSha256,
  lostExecution,
  notRun,
} from '../sandbox/execution.ts';
import { hostTexts } from '../sandbox/hosts.ts';
import { limitsRecord, type Plan, planRun, planSha256, type RunRequest } from '../sandbox/plan.ts';
import type { Paths } from '../sandbox/preflight/paths.ts';
import { preflight } from '../sandbox/preflight/preflight.ts';
import { asOthersSaw, type Sightings } from '../sandbox/protected-files.ts';
import type { Boundary, RunnerHooks, RunnerStreams } from '../sandbox/runner.ts';
import { executorOf } from '../sandbox/tier.ts';
import type { OpenRuns } from '../store/open-runs.ts';
import { claimApproval } from './claim-approval.ts';
import { actOnGate } from './gate-work.ts';
import type { Authority, GateDecision, Reason } from './pass-gate.ts';
import { type GateDesk, gatePayload, requestApproval } from './request-approval.ts';

/** What a command is run with. */
export interface RunDesk extends GateDesk {
  readonly acting: Acting;
  readonly boundary: Pick<Boundary, 'machine' | 'run'>;
  readonly paths: Paths;
  readonly runs: OpenRuns;
  readonly streams: RunnerStreams;
  readonly hooks: Pick<RunnerHooks, 'started' | 'umask'>;
  /** how long an operator has, in milliseconds */
  readonly approvalTimeoutMs: number;
  /** ask an operator; the approval as it stands when the asking is over */
  readonly ask: (approval: Approval) => Promise<Approval>;
  /** hears what lets it run, before it does */
  readonly allowed: (authority: Authority) => void;
}

/** One call of palyra.process.run. */
export interface ToolCall {
  readonly request: PolicyRequest;
  readonly run: RunRequest;
  /** those of its variables that were named, with their values: an operator sees them */
  readonly variables: Readonly<Record<string, string>>;
  /** what may be run: names, absolute paths, or `*` */
  readonly executables: readonly string[];
  readonly interpreters: boolean;
  /** the approval that speaks for it, by its id or the end of it */
  readonly approval: string | undefined;
  /** why a person has to look, whatever the posture */
  readonly asks: string | undefined;
}

/** What came of a call. The execution says how it ended, one that never began too. */
export interface ToolRun {
  readonly call: SealedProposal;
  /** undefined where the words of the command, or this machine, allow none */
  readonly plan: Plan | undefined;
  /** the gate's answer; undefined where an approval was named, which then is what is looked at */
  readonly decision: GateDecision | undefined;
  readonly approvalId: string | undefined;
  /** what let it run; undefined if nothing did */
  readonly authority: Authority | undefined;
  /** undefined after a dry run that would run */
  readonly execution: Execution | undefined;
  /** why it was refused, all of it, and what would change that */
  readonly refusal: Refusal | undefined;
  /** what broke after it had begun, to be thrown once everything is told */
  readonly failure?: unknown;
  readonly attestationId: string;
}

/** Why a command does not run. */
export interface Refusal {
  readonly outcome: 'refused' | 'setup_failed';
  /** of a refusal: 126, if left out; 127: no such command */
  readonly exitCode?: 127;
  readonly reasons: readonly [Reason, ...Reason[]];
  readonly hint?: string;
}

/**
 * The whole way of a command: judge its words, plan it, take it through the gate, ask an operator where one is asked,
 * write down that it begins, run it, write down how it ended. A refusal is written down as well. A dry run stops after
 * the plan and writes nothing.
 * @throws PalyraError input.invalid, access.*, store.*
 */
export async function runTool(desk: RunDesk, call: ToolCall): Promise<ToolRun> {
  const planned = planCall(desk, call);
  const plan = 'plan' in planned ? planned.plan : undefined;
  const proposal = propose(desk, call, plan);
  const looked = await lookAtGate(desk, call, proposal);
  const run: Begun = {
    ...looked,
    call: desk.gate.seal(proposal),
    plan,
    attestationId: ulid(desk.clock(), desk.random(10)),
  };

  if (looked.refusal !== undefined) return await refuse(desk, run, looked.refusal);
  if (!('plan' in planned)) return await refuse(desk, run, planned);
  if (desk.dryRun)
    return looked.asks === undefined ? { ...run, execution: undefined } : await refuse(desk, run, pending(looked.asks));

  if (looked.asks === undefined) return await carryOut(desk, run, proposal, planned.plan);
  const { approvalId, refusal } = await askFor(desk, proposal);
  const asked = { ...run, approvalId };
  return refusal === undefined
    ? await carryOut(desk, asked, proposal, planned.plan)
    : await refuse(desk, asked, refusal);
}

/** A run before it has ended. */
type Begun = Omit<ToolRun, 'execution'>;

function pending(why: string): Refusal {
  return refused([{ code: 'approval.required', words: why }], 'without --dry-run it is asked for');
}

/** What the words of the command, and this machine, allow. */
function planCall({ paths, boundary: { machine } }: RunDesk, call: ToolCall): { readonly plan: Plan } | Refusal {
  const { run, executables, interpreters } = call;
  const { tier, egress, hosts, workspace, cwd } = run;
  const planned = planRun(run, machine);
  if (!planned.ok && planned.reasonCode === 'sandbox.workspace') return refusalOf(planned);
  const scope = { workspace: workspace.realpath ?? workspace.path, cwd, paths };
  const searchPath = run.environment.PATH ?? '';
  const judged = preflight(run.argv, { ...scope, searchPath, executables, interpreters, tier, egress, hosts });
  if (!judged.ok) return refusalOf({ outcome: 'refused', ...judged });
  if (!planned.ok) return refusalOf(planned);
  return hasProgram(run, paths) ? { plan: planned.plan } : noCommand(run);
}

/** What is not there outside is not there inside: an operator is not asked about it, and a report can tell it. */
function hasProgram({ argv: [program], cwd, environment }: RunRequest, paths: Paths): boolean {
  if (!program.includes('/')) return paths.findProgram(program, environment.PATH ?? '') !== undefined;
  return paths.exists(program.startsWith('/') ? program : `${cwd}/${program}`);
}

function noCommand({ argv: [program], cwd, environment }: RunRequest): Refusal {
  const reasons = [{ code: 'exec.no_command', words: `${program}: no such command` }] as const;
  const hint = program.includes('/') ? `it is looked for from ${cwd}` : `inside, PATH is ${environment.PATH}`;
  return { outcome: 'refused', exitCode: 127, reasons, hint };
}

function refusalOf(given: {
  readonly outcome: Refusal['outcome'];
  readonly reasonCode: string;
  readonly message: string;
  readonly hint: string;
}): Refusal {
  const { outcome, reasonCode, message, hint } = given;
  return { outcome, reasons: [{ code: reasonCode, words: message }], hint };
}

/** The input of the call is its plan: an approval of it binds every part of what would run. */
function propose(
  { boundary: { machine }, paths }: RunDesk,
  { request, run, variables, asks }: ToolCall,
  plan: Plan | undefined,
): Proposal {
  const input = { argv: run.argv, env: variables, plan_sha256: plan === undefined ? null : planSha256(plan) };
  const execution: ExecutionContext = {
    tier: run.tier,
    executor: executorOf(run.tier, machine.platform),
    egress: run.egress,
    hosts: run.egress === 'none' ? [] : hostTexts(run.hosts),
    cwd: run.cwd,
    argv: run.argv,
    executable: resolveProgram(paths, run),
    env_names: Object.keys(run.environment).sort(),
    env_sha256: variablesSha256(variables),
    limits: limitsRecord(run.limits),
    workspace: run.workspace.path,
    stdin: run.stdin,
    tty: run.tty,
    allow_root: run.allowRoot,
  };
  const payload = Buffer.from(canonicalJson(input));
  return { request, payload, summary: '', execution, ...(asks === undefined ? {} : { asks }) };
}

function resolveProgram(paths: Paths, { argv: [program], cwd, environment }: RunRequest): string {
  if (!program.includes('/')) return paths.findProgram(program, environment.PATH ?? '') ?? program;
  return paths.realpathNearest(program.startsWith('/') ? program : `${cwd}/${program}`);
}

/** What the gate says now. Nothing is written: what lets it run is looked at again when it begins. */
async function lookAtGate(
  desk: RunDesk,
  { approval }: ToolCall,
  proposal: Proposal,
): Promise<Pick<ToolRun, 'decision' | 'approvalId' | 'authority' | 'refusal'> & { readonly asks: string | undefined }> {
  const dry = { ...desk, dryRun: true };
  const open = { asks: undefined, authority: undefined, refusal: undefined };
  if (approval !== undefined) {
    const { answer } = await claimApproval(dry, approval, proposal);
    const found = { ...open, decision: undefined, approvalId: answer.approval.approval_id };
    return answer.outcome === 'allowed' ? found : { ...found, refusal: refused(answer.reasons) };
  }
  const { answer } = await requestApproval(dry, proposal, desk.approvalTimeoutMs);
  const decided = { ...open, decision: answer, approvalId: undefined };
  if (answer.decision === 'deny') return { ...decided, refusal: refused(answer.reasons) };
  return answer.decision === 'ask' ? { ...decided, asks: answer.why } : decided;
}

function refused(reasons: Refusal['reasons'], hint?: string): Refusal {
  return { outcome: 'refused', reasons, ...(hint === undefined ? {} : { hint }) };
}

/** Record the question and ask it. */
async function askFor(desk: RunDesk, proposal: Proposal): Promise<Pick<ToolRun, 'approvalId' | 'refusal'>> {
  const { answer } = await requestApproval(desk, proposal, desk.approvalTimeoutMs);
  // somebody granted it meanwhile, or forbade it: it is looked at again when it begins
  if (answer.decision !== 'ask') return { approvalId: undefined, refusal: undefined };
  const approval = await desk.ask(answer.approval);
  const approvalId = approval.approval_id;
  const now = desk.clock();
  const words = decisionWords(approval, now);
  switch (stateOf(approval, now)) {
    case 'allowed':
    case 'used':
      return { approvalId, refusal: undefined };
    case 'pending': {
      const hint = `palyra approvals resolve ${approvalId}   then again with --approval ${approvalId}`;
      return { approvalId, refusal: refused([{ code: 'approval.required', words: answer.why }], hint) };
    }
    case 'denied':
      return { approvalId, refusal: refused([{ code: 'approval.denied', words }]) };
    case 'lapsed':
      return { approvalId, refusal: refused([{ code: 'approval.lapsed', words }]) };
    case 'timed_out':
      return { approvalId, refusal: refused([{ code: 'approval.timed_out', words }]) };
    case 'failed':
      return { approvalId, refusal: refused([{ code: 'approval.error', words }]) };
  }
}

/** Run what is allowed. The boundary is built while the beginning is written down; no instruction runs before it is. */
async function carryOut(desk: RunDesk, run: Begun, proposal: Proposal, plan: Plan): Promise<ToolRun> {
  const { boundary, streams, hooks } = desk;
  let authority: Authority | undefined;
  const beforeStart = async (seen: Sightings): Promise<Sightings> => {
    authority = await begin(desk, run, proposal);
    // after the look: whoever could make anything before it was kept by then
    const { running, lost } = desk.runs.list();
    const before = asOthersSaw(
      seen,
      [...running, ...lost].map((other) => other.before),
    );
    // before it is let go: if we are killed, somebody else looks at what it made
    desk.runs.keep({ attestationId: run.attestationId, before });
    desk.allowed(authority);
    return before;
  };
  try {
    const execution = await boundary.run(plan, streams, { ...hooks, beforeStart });
    return await end(desk, { ...run, authority }, execution);
  } catch (error) {
    if (error instanceof NotAllowed) return await refuse(desk, run, refused(error.reasons));
    if (authority === undefined) throw error;
    return { ...(await end(desk, { ...run, authority }, lostExecution(planSha256(plan), error))), failure: error };
  }
}

/** What was begun is said to have ended; if the journal cannot be written, the report still is. */
async function end(desk: RunDesk, run: Begun, execution: Execution): Promise<ToolRun> {
  try {
    await record(desk, { kind: 'exec.end', payload: reportOf(run, execution) });
    desk.runs.forget(run.attestationId);
    return { ...run, execution };
  } catch (failure) {
    return { ...run, execution, failure };
  }
}

/** It was allowed when it was looked at, and is not any more. */
class NotAllowed extends Error {
  readonly reasons: Refusal['reasons'];

  constructor(reasons: Refusal['reasons']) {
    super('not allowed any more');
    this.reasons = reasons;
  }
}

/** Under the lock: it is still allowed, it counts, an approval is used up, and the journal says that it begins. */
async function begin(desk: RunDesk, run: Begun, proposal: Proposal): Promise<Authority> {
  const intent = { ...attestation(run), execution: proposal.execution };
  if (run.approvalId !== undefined) {
    const { answer } = await claimApproval(desk, run.approvalId, proposal);
    if (answer.outcome !== 'allowed') throw new NotAllowed(answer.reasons);
    await record(desk, { kind: 'exec.start', payload: { ...intent, approval_id: run.approvalId } });
    return answer.authority;
  }
  const { answer } = await actOnGate<GateDecision>(desk, (state, { now }) => {
    const decision = desk.gate.pass(run.call, state, now);
    if (decision.decision !== 'allow') return { answer: decision };
    const entry = { kind: 'exec.start' as const, payload: { ...gatePayload(decision), ...intent } };
    return { answer: decision, entry, book: desk.gate.count(state.approvals, run.call) };
  });
  if (answer.decision === 'allow') return answer.authority;
  throw new NotAllowed(
    answer.decision === 'deny' ? answer.reasons : [{ code: 'approval.required', words: answer.why }],
  );
}

/** What an entry and a report of the same run share. */
function attestation({ attestationId, call, plan }: Begun): Readonly<Record<string, unknown>> {
  return {
    attestation_id: attestationId,
    request_sha256: call.requestSha256,
    plan_sha256: plan === undefined ? null : planSha256(plan),
  };
}

async function refuse(desk: RunDesk, run: Begun, refusal: Refusal): Promise<ToolRun> {
  const [{ code, words }] = refusal.reasons;
  const ending: Ending =
    refusal.outcome === 'refused'
      ? { outcome: 'refused', exitCode: refusal.exitCode ?? 126, reasonCode: code }
      : { outcome: 'setup_failed', exitCode: 125, reasonCode: code, message: words };
  const { principal } = run.call.request;
  const payload = {
    principal,
    ...attestation(run),
    ...(run.approvalId === undefined ? {} : { approval_id: run.approvalId }),
    reason_codes: refusal.reasons.map((reason) => reason.code),
    execution: run.call.execution,
  };
  if (!desk.dryRun) await record(desk, { kind: 'exec.refuse', payload });
  return { ...run, refusal, execution: notRun(run.plan === undefined ? '' : planSha256(run.plan), ending) };
}

async function record({ store, clock, acting }: RunDesk, entry: Pick<EntryDraft, 'kind' | 'payload'>): Promise<void> {
  const draft = { timeUnixMs: clock(), actor: acting.actor, ...entry };
  await store.transact([], () => ({ answer: null, entries: [draft] }));
}

/** What a report says of a run: the execution, what it was allowed by, and what ties it to the journal. */
export function reportOf(run: Omit<ToolRun, 'execution'>, execution: Execution): Readonly<Record<string, unknown>> {
  return {
    ...executionRecord(execution),
    ...attestation(run),
    ...(run.approvalId === undefined ? {} : { approval_id: run.approvalId }),
    execution_sha256: executionSha256(execution),
  };
}
