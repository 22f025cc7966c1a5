import type { Command } from 'commander';
import { refuseInvisible } from '../../../access/name.ts';
import type { Proposal } from '../../../approvals/proposal.ts';
import { PalyraError } from '../../../errors.ts';
import { whoActs } from '../../../flows/act.ts';
import type { RequestAnswer } from '../../../flows/request-approval.ts';
import { readRequest } from '../../../policy/request.ts';
import { PAYLOAD_BYTES } from '../../../store/bounds.ts';
import { printable } from '../../../text.ts';
import { parseDuration, relative, rfc3339 } from '../../../time.ts';
import { type CallOptions, contextFrom } from '../../call-options.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, gather, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { openGateDesk } from '../../gate-desk.ts';
import { noteKindless } from '../../principal.ts';
import { awaitDecisionFor } from './wait.ts';
import { allowCode, decisionJson, outcomeOf, reasonWords, standing, stepsJson, stepWords } from './words.ts';

export function request(cli: Cli): Command {
  const verb = command('request')
    .summary('take a tool call through the gate: allowed, denied, or asked for')
    .description('Take a tool call through posture, policy and, where one is asked for, an approval.')
    .option('--tool <tool>', 'the tool that would be executed')
    .option('--skill <skill>', 'the skill that the tool would run; alone: skill.execute')
    .option('--action <action>', 'another action than executing a tool, e.g. memory.purge')
    .option('--resource <resource>', 'what the action is on')
    .option('--input <file>', "the call's input, kept and shown byte for byte (- for standard input)")
    .option('--summary <text>', 'what the agent says it is for; shown as such')
    .option('--principal <principal>', 'who asks (default: you)')
    .option('--session <session>', 'the conversation')
    .option('--run <run>', 'the run, whose calls are counted')
    .option('--channel <channel>', 'where the call comes from')
    .option('--device <device>', 'the device it comes from')
    .option('--capability <capability>', 'a capability that the call needs (repeatable)', gather, [])
    .option('--timeout <duration>', 'how long an operator has (default: approvals.timeout_seconds)')
    .option('--wait <duration>', 'wait so long for the answer')
    .option('--explain', 'say what each step of the gate found')
    .action(ending(cli, async (options) => await requestAs(cli, options)));
  return worded(verb, {
    about: `Exit 0 comes in two ways, told apart by standard output. "✓ ALLOW …": posture or a grant allows it, make the call. The id
of an approval (after --wait): an operator allowed it, and it is not used up yet: make the call only if
\`palyra approvals claim ID --input FILE\` says so, right before. With --json, there is an approval_id or none.

10: denied, with every reason. 11: an operator is asked; standard output has the id of the approval. 8: the same, and
nobody answered within --wait.

With --json a denial is an answer, JSON on standard output; an error is JSON on standard error, with nothing on standard
output. A token in PALYRA_TOKEN that is not valid is an error that exits with 10 too.

The input's bytes are what is approved: they are kept and shown as they are, at most 1 MiB.`,
    examples: [
      {
        says: 'a tool that nobody has allowed is denied, with every reason',
        command: `echo '{}' | palyra approvals request --tool palyra.http.fetch --input - --explain`,
      },
      {
        says: 'a sensitive action is asked for',
        command: `echo '{"older_than":"30d"}' | palyra approvals request --action memory.purge --resource memory:all --input -`,
      },
      { says: 'an executor: whoever allows it, the call is made once', command: EXECUTOR },
    ],
    exits: [
      'ok',
      'usage',
      'not_found',
      'conflict',
      'forbidden',
      'busy',
      'pending',
      'deny',
      'approval_required',
      'unsafe_state',
    ],
  });
}

/** Runs as it stands, in any sh. */
const EXECUTOR = `echo '{"url":"https://example.org"}' > call.json
answer=$(palyra approvals request --tool palyra.http.fetch --input call.json --wait 10m) || exit
case $answer in
  *ALLOW*) ;; # nobody had to be asked
  *) palyra approvals claim "$answer" --tool palyra.http.fetch --input call.json || exit ;;
esac
echo "here $(cat call.json) is fetched"`;

interface RequestOptions extends CallOptions {
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
  readonly input?: string | undefined;
  readonly summary?: string | undefined;
  readonly principal?: string | undefined;
  readonly timeout?: string | undefined;
  readonly wait?: string | undefined;
  readonly explain?: true | undefined;
}

const NAMES = ['tool', 'skill', 'action', 'resource', 'principal', 'session', 'run', 'channel', 'device'] as const;

async function requestAs(cli: Cli, options: RequestOptions): Promise<ExitName> {
  const waitMs = options.wait === undefined ? undefined : parseDuration(options.wait, '--wait');
  for (const option of NAMES) refuseInvisible(options[option] ?? '', `--${option}`);
  for (const capability of options.capability) refuseInvisible(capability, '--capability');
  noteKindless(cli, options.principal);
  const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout, '--timeout');
  const payload = await readInput(cli, options.input);
  const desk = await openGateDesk(cli);
  const proposal = { ...proposalFrom(options, await principalOf(desk, options)), payload };
  const timeoutMs = timeout ?? (await cli.config()).settings.approvals.timeout_seconds * 1000;

  const { requestApproval } = await import('../../../flows/request-approval.ts');
  const recorded = await requestApproval(desk, proposal, timeoutMs).catch((error: unknown) => noChannel(cli, error));
  if (typeof recorded === 'string') return recorded;
  const { answer } = recorded;
  if (options.explain === true) for (const line of stepWords(answer)) cli.output.note(line);
  if (answer.decision !== 'ask') return sayDecision(cli, answer);
  if (waitMs === undefined || cli.options.dryRun) return sayAsk(cli, answer);
  cli.output.note(`waiting for an answer to ${answer.approval.approval_id}`);
  const approval = await awaitDecisionFor(cli, answer.approval.approval_id, waitMs);
  return sayOutcome(cli, { ...answer, approval });
}

async function readInput(cli: Cli, path: string | undefined): Promise<Uint8Array> {
  if (path === undefined) {
    throw new PalyraError('usage.invalid', '--input is missing', {
      why: 'what is approved is what the call would be given, byte for byte',
      hint: '--input FILE, or --input - for standard input',
    });
  }
  return (await cli.world.files()).readBytes(path, { bytes: PAYLOAD_BYTES, what: 'input' });
}

async function principalOf(desk: Parameters<typeof whoActs>[0], { principal }: RequestOptions): Promise<string> {
  return principal ?? (await whoActs(desk)).principal;
}

/** What the flags spell: a tool to execute, a skill to execute, or another action on a resource. */
function proposalFrom(options: RequestOptions, principal: string): Omit<Proposal, 'payload'> {
  const { tool, skill, action, resource } = options;
  const what =
    action !== undefined
      ? { action, resource: resource ?? '' }
      : tool !== undefined
        ? { action: 'tool.execute', resource: resource ?? `tool:${tool}` }
        : { action: 'skill.execute', resource: resource ?? `skill:${skill ?? ''}` };
  if ((tool ?? skill ?? action ?? '') === '' || what.resource === '') {
    throw new PalyraError('usage.invalid', 'nothing is asked for', {
      hint: '--tool T, --skill S, or --action A --resource R',
    });
  }
  return {
    request: readRequest({
      principal,
      ...what,
      context: contextFrom(options),
    }),
    summary: options.summary ?? '',
  };
}

const SCHEMA = 'palyra.approvals.request/1';

function sayDecision(cli: Cli, answer: Exclude<RequestAnswer, { decision: 'ask' }>): ExitName {
  const { output } = cli;
  const isAllow = answer.decision === 'allow';
  const reasons = isAllow ? [] : answer.reasons;
  const code = isAllow ? allowCode(answer) : answer.reasons[0].code;
  if (output.json) {
    output.value({ schema: SCHEMA, decision: answer.decision, reason_code: code, reasons, ...stepsJson(answer) });
  } else {
    output.answer(isAllow ? `${output.paint.good('✓ ALLOW')}  ${code}` : `${output.paint.bad('✗ DENY')}   ${code}`);
    for (const words of reasonWords(reasons)) output.answer(`  ${words}`);
  }
  return isAllow ? 'ok' : 'deny';
}

function sayAsk({ output, world, options }: Cli, answer: Extract<RequestAnswer, { decision: 'ask' }>): ExitName {
  const { approval } = answer;
  const id = approval.approval_id;
  if (output.json) {
    output.value({
      schema: SCHEMA,
      decision: 'ask',
      reason_code: 'approval.required',
      why: answer.why,
      ...(options.dryRun ? { changed: false } : { approval_id: id, changed: true }),
      risk_level: approval.prompt.risk_level,
      expires_at_unix_ms: approval.expires_at_unix_ms,
      expires_at: rfc3339(approval.expires_at_unix_ms),
      ...stepsJson(answer),
    });
  } else if (options.dryRun) {
    output.note('an approval would be asked for; nothing was recorded');
  } else {
    output.answer(id);
    output.note(`waits for an approval, which expires ${relative(approval.expires_at_unix_ms, world.clock())}`);
    output.note(`palyra approvals resolve ${id}`);
  }
  return 'approval_required';
}

function sayOutcome(cli: Cli, answer: Extract<RequestAnswer, { decision: 'ask' }>): ExitName {
  const { output, world } = cli;
  const { approval } = answer;
  const now = world.clock();
  const { exit, decision, code } = outcomeOf(approval, now);
  if (output.json) {
    output.value({
      schema: SCHEMA,
      decision,
      reason_code: code,
      approval_id: approval.approval_id,
      changed: true,
      approval: decisionJson(approval, now),
      ...stepsJson(answer),
    });
  } else {
    output.answer(approval.approval_id);
    output.note(printable(standing(approval, now)));
    if (exit === 'ok') output.note(`palyra approvals claim ${approval.approval_id} --input …   right before the call`);
  }
  return exit;
}

/** What nobody can answer is denied: no approval is recorded where the state cannot be written. */
function noChannel(cli: Cli, error: unknown): ExitName {
  if (!(error instanceof PalyraError) || error.code !== 'store.write_failed') throw error;
  cli.output.warn(`${error.message}${error.why === undefined ? '' : `: ${error.why}`}`, error.hint);
  const reason = { code: 'approval.no_channel', words: 'it cannot be recorded, so nobody can be asked' };
  if (cli.output.json)
    cli.output.value({ schema: SCHEMA, decision: 'deny', reason_code: reason.code, reasons: [reason] });
  else cli.output.answer(`${cli.output.paint.bad('✗ DENY')}   ${reason.code}`);
  return 'deny';
}
