import { PalyraError } from '../../../errors.ts';
import { type Refusal, reportOf, type ToolRun } from '../../../flows/run-tool.ts';
import { describePlan } from '../../../sandbox/describe-plan.ts';
import { type Execution, executionRecord, notRun } from '../../../sandbox/execution.ts';
import { NOT_SEARCHED, obstaclesOf } from '../../../sandbox/obstacles.ts';
import { type Plan, planRecord, planSha256 } from '../../../sandbox/plan.ts';
import { type Cli, configPath, shownPath } from '../../cli.ts';
import { ERROR_EXIT, EXITS, type Exit } from '../../exits.ts';
import { stepsJson } from '../approvals/words.ts';

/** What a dry run found: the plan, in words or as JSON, and whether it would run. */
export function sayPlan({ output }: Cli, plan: Plan, { call, decision, refusal }: ToolRun): void {
  if (output.json) {
    output.value({
      schema: 'palyra.exec.plan/1',
      would_run: refusal === undefined,
      plan: planRecord(plan),
      plan_sha256: planSha256(plan),
      request_sha256: call.requestSha256,
      ...(decision === undefined ? {} : { decision: decision.decision, ...stepsJson(decision) }),
    });
    return;
  }
  for (const { name, value } of describePlan(plan)) output.answer(`${name.padEnd(12)}${value}`);
  if (refusal === undefined) output.note('it would run; nothing was run or written');
}

/**
 * How a run ended, with what is to be said beside what it said itself.
 * @throws PalyraError sandbox.refused, sandbox.setup_failed
 */
export function sayRun(cli: Cli, run: ToolRun, said: string): Exit {
  const { execution } = run;
  if (run.refusal !== undefined) throw refusalError(cli, run, run.refusal);
  if (execution === undefined) return 'ok';
  const { ending } = execution;
  if (ending.outcome === 'setup_failed') {
    throw new PalyraError('sandbox.setup_failed', 'the sandbox could not be set up', {
      why: ending.message,
      hint: 'palyra sandbox check',
      details: { reason_code: ending.reasonCode },
    });
  }
  if (run.plan !== undefined) {
    for (const { what, hint } of obstaclesOf(execution, run.plan, said)) cli.output.warn(what, hint);
  }
  if (!execution.isSearched) cli.output.note(NOT_SEARCHED);
  if (ending.outcome === 'failed') cli.output.warn(`palyra lost the command: ${ending.message}`, 'palyra doctor');
  return ending.exitCode;
}

/** `palyra.exec.report/1`. */
export function runJson(run: ToolRun, execution: Execution): unknown {
  const { call, decision, authority, refusal } = run;
  return {
    schema: 'palyra.exec.report/1',
    ...reportOf(run, execution),
    tier: call.execution?.tier,
    egress: call.execution?.egress,
    executor: call.execution?.executor,
    decision: {
      decision: authority === undefined ? notAllowed(run) : 'allow',
      ground: authority?.ground.kind ?? null,
      grant_id: authority?.ground.kind === 'grant' ? authority.ground.grant.grant_id : null,
      reasons: refusal?.reasons ?? [],
      ...(decision === undefined ? {} : stepsJson(decision)),
    },
  };
}

/** What the gate would allow is denied all the same where something else refuses it. */
function notAllowed({ decision, refusal }: ToolRun): 'allow' | 'ask' | 'deny' {
  if (decision === undefined || (decision.decision === 'allow' && refusal !== undefined)) return 'deny';
  return decision.decision;
}

/** The same for what was refused before there was a call. */
export function failureJson(error: PalyraError): unknown {
  const reasonCode = String(error.details?.reason_code ?? error.code);
  return {
    schema: 'palyra.exec.report/1',
    ...executionRecord(notRun('', { outcome: 'refused', exitCode: 126, reasonCode })),
    exit_code: EXITS[ERROR_EXIT[error.code]].code,
    plan_sha256: null,
    decision: null,
  };
}

function refusalError(cli: Cli, run: ToolRun, { outcome, exitCode, reasons, hint }: Refusal): PalyraError {
  const [{ code, words }, ...others] = reasons;
  const refused = exitCode === 127 ? 'sandbox.no_command' : 'sandbox.refused';
  const why = others.map((reason) => `${reason.words} (${reason.code})`).join('\n');
  return new PalyraError(outcome === 'refused' ? refused : 'sandbox.setup_failed', `${words} (${code})`, {
    ...(why === '' ? {} : { why }),
    hint: hint ?? hintFor(cli, run, code),
    details: {
      reason_code: code,
      reasons,
      request_sha256: run.call.requestSha256,
      ...(run.approvalId === undefined ? {} : { approval_id: run.approvalId }),
    },
  });
}

/** What would allow what the gate denies. */
function hintFor(cli: Cli, { call, approvalId }: ToolRun, code: string): string {
  const path = shownPath(cli.world, configPath(cli));
  if (code === 'posture.locked') {
    return `"palyra.process.run" in allowed_tools and enabled = true in [tool_call.process_runner] of ${path}`;
  }
  if (code.startsWith('posture.')) return 'palyra posture show palyra.process.run';
  if (code === 'approval.pending') return `palyra approvals resolve ${approvalId}`;
  if (code === 'approval.denied' || code === 'approval.timed_out') return `palyra approvals show ${approvalId}`;
  if (code.startsWith('approval.')) return 'run it without --approval to ask anew';
  return `palyra policy check --principal ${call.request.principal} --action tool.execute --resource tool:palyra.process.run`;
}
