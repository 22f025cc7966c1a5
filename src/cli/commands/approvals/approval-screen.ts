import { type Approval, isAllowed, type Scope, stateOf } from '../../../approvals/approval.ts';
import { grantRuleOf, ruleWords } from '../../../approvals/grant.ts';
import { PalyraError } from '../../../errors.ts';
import { shortId } from '../../../ids.ts';
import { count, countHostile, nameWords, printable } from '../../../text.ts';
import { inWords, rfc3339 } from '../../../time.ts';
import { countSecrets, maskSecrets } from './mask.ts';
import { flow, hang, note, row } from './rows.ts';

/** What an operator looks at: the approval, the input's bytes as they are, and what was asked before. */
export interface ApprovalView {
  readonly approval: Approval;
  /** what is wrong with it, where it cannot be shown: then it can only be denied */
  readonly payload: Uint8Array | PalyraError;
  /** every approval that is known, for what was decided of others like this */
  readonly history: readonly Approval[];
  readonly now: number;
}

/**
 * An approval as rows of a terminal. Everything that is bound is there and nothing is cut: what does not fit goes on in
 * the next row. What came from outside is escaped, and stands right of the labels, where only it can stand: whatever it
 * says, it cannot look like a row of ours.
 */
export function screenRows(view: ApprovalView, columns: number): string[] {
  const { approval, now } = view;
  const { execution, prompt, request_summary: summary } = approval;
  const foreign = foreignTexts(view);
  const hostile = foreign.reduce((sum, text) => sum + countHostile(text), 0);
  const secrets = secretsOf(view);
  return [
    ...flow(
      [
        shortId(approval.approval_id),
        named(prompt.title),
        `risk ${prompt.risk_level.toUpperCase()}`,
        expiryWords(approval, now),
      ],
      '   ',
      columns,
    ),
    ...row('asks', asksWords(approval), columns),
    ...row('wants', wantsWords(approval), columns),
    ...(execution === undefined || execution === null
      ? []
      : row(
          'runs as',
          `tier ${execution.tier} (${named(execution.executor)}) · egress ${execution.egress}${hostWords(execution.hosts)} · in ${named(execution.cwd)}`,
          columns,
        )),
    ...variables(view).flatMap((one) => row('env', printable(maskSecrets(one)), columns)),
    ...row('digest', approval.request_sha256.slice(0, 8), columns),
    ...(execution === undefined || execution === null
      ? inputRows(view.payload, columns)
      : argvRows(execution.argv, columns)),
    ...(view.payload instanceof PalyraError
      ? note(`${view.payload.message}, so it can only be denied: palyra doctor`, columns)
      : []),
    ...(hostile === 0 ? [] : note(`${hostileWords(hostile)} shown escaped`, columns)),
    ...(secrets === 0
      ? []
      : note(`${count(secrets, 'secret')} masked; view everything, and show --json, have the input whole`, columns)),
    ...(summary === '' ? [] : saysRows(summary, columns)),
    ...row('because', printable(prompt.policy_explanation), columns),
    ...row('before', beforeWords(view), columns),
  ];
}

/** Everything else that is known of it. */
export function detailRows({ approval, payload }: ApprovalView, columns: number): string[] {
  const { execution } = approval;
  const facts: [string, string][] = [
    ['approval', approval.approval_id],
    ['principal', nameWords(approval.principal)],
    ['asked by', nameOr(approval.requested_by ?? '')],
    ['session', nameOr(approval.session_id)],
    ['run', nameOr(approval.run_id)],
    ['device', nameOr(approval.device_id)],
    ['channel', nameOr(approval.channel ?? '')],
    ['asked', rfc3339(approval.requested_at_unix_ms)],
    ['expires', rfc3339(approval.expires_at_unix_ms)],
    [
      'allowed, lapses',
      `unless it is claimed within ${inWords(approval.expires_at_unix_ms - approval.requested_at_unix_ms)}`,
    ],
    ['needs', approval.capabilities.map(nameWords).join(', ')],
    ['policy', `${approval.policy_snapshot.evaluation_summary}, policy ${approval.policy_snapshot.policy_hash}`],
    ['request', approval.request_sha256],
    ['input', `${payload instanceof PalyraError ? '' : `${payload.length} bytes, `}${approval.payload_sha256}`],
    ['a session or timed allow grants', ruleWords(grantRuleOf(approval)).join(' ')],
  ];
  const rows = facts.flatMap(([label, text]) => row(label, text === '' ? 'none' : printable(text), columns));
  if (execution === undefined || execution === null) return rows;
  return [
    ...rows,
    ...row('runs', printable(execution.executable), columns),
    ...row('environment', execution.env_names.map((name) => printable(name)).join(', ') || 'none', columns),
    ...Object.entries(execution.limits).flatMap(([name, limit]) =>
      row('limit', `${printable(name)} ${limit}`, columns),
    ),
    ...inputRows(payload, columns),
  ];
}

/** What was masked, after saying so: two inputs can always be told apart. Nothing where nothing was. */
export function unmaskedRows(view: ApprovalView, columns: number): string[] {
  const secrets = secretsOf(view);
  if (secrets === 0) return [];
  const { request_summary: summary, execution } = view.approval;
  return [
    ...note(`${count(secrets, 'secret')} that ${secrets === 1 ? 'was' : 'were'} masked, shown from here on`, columns),
    ...inputRows(view.payload, columns, WHOLE),
    ...(execution === undefined || execution === null ? [] : argvRows(execution.argv, columns, WHOLE)),
    ...(summary === '' ? [] : saysRows(summary, columns, WHOLE)),
  ];
}

/** What an operator may choose. */
export type Choice = Scope | 'deny' | 'view' | 'skip' | 'quit';

/** A choice, and what is typed for it. */
export interface Keyed {
  readonly choice: Choice;
  readonly key: string;
}

/** The choices, and what each does: word for word what a grant would let through. */
export function choiceRows({ approval }: ApprovalView, choices: readonly Keyed[], columns: number): string[] {
  const rule = ruleWords(grantRuleOf(approval)).join(' ');
  const words: Readonly<Record<Choice, string>> = {
    once: approval.execution ? 'exactly this argv, here, now' : 'exactly this input, now',
    session: printable(rule),
    timeboxed: 'the same rule, for as long as you say (at most 8 h)',
    deny: '',
    view: 'view everything',
    skip: '',
    quit: '',
  };
  const isScoped = ({ choice }: Keyed): boolean => choice in ALLOWS;
  const others = choices.filter((one) => !isScoped(one));
  return [
    ...choices
      .filter(isScoped)
      .flatMap(({ choice, key }) => hang(`  ${key}  ${ALLOWS[choice as Scope].padEnd(18)} `, words[choice], columns)),
    ...flow([`  ${others.map(({ choice, key }) => `${key}  ${words[choice] || choice}`).join('      ')}`], '', columns),
  ];
}

/** What allowing for each scope is called. */
export const ALLOWS = {
  once: 'allow once',
  session: 'allow for session',
  timeboxed: 'allow for a time',
} as const satisfies Record<Scope, string>;

type Mask = (text: string) => string;

const WHOLE: Mask = (text) => text;

function saysRows(summary: string, columns: number, mask: Mask = maskSecrets): string[] {
  return hang('  agent says ', `(written by the agent, not checked): ${quoted(mask(summary))}`, columns);
}

/** A foreign text whose end is seen. */
function quoted(text: string): string {
  return `"${printable(text).replaceAll('"', '\\"')}"`;
}

/** A foreign name that cannot pass for anything else. */
function named(name: string): string {
  return printable(nameWords(name));
}

function nameOr(name: string): string {
  return name === '' ? '' : nameWords(name);
}

/** How many secrets are masked: the program, names and paths never are. */
function secretsOf(view: ApprovalView): number {
  const { request_summary: summary, execution } = view.approval;
  const texts = execution === undefined || execution === null ? [inputText(view.payload)] : execution.argv.slice(1);
  return [summary, ...variables(view), ...texts].reduce((sum, text) => sum + countSecrets(text), 0);
}

/** The variables that a command was named, which its input holds: `NAME=value`. */
function variables({ approval: { execution }, payload }: ApprovalView): string[] {
  const input = inputText(payload);
  if (execution === undefined || execution === null || input === '') return [];
  const { env = {} } = JSON.parse(input) as { readonly env?: Readonly<Record<string, string>> };
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function foreignTexts(view: ApprovalView): string[] {
  const { approval, payload } = view;
  const { execution } = approval;
  const input =
    execution === undefined || execution === null ? [inputText(payload).replaceAll('\n', '')] : execution.argv;
  return [approval.request_summary, approval.principal, approval.resource, ...variables(view), ...input];
}

/** The program is never masked. */
function argvRows([program = '', ...args]: readonly string[], columns: number, mask: Mask = maskSecrets): string[] {
  return [
    ...row('argv', quoteEmpty(printable(program)), columns),
    ...args.flatMap((arg) => row('', quoteEmpty(printable(mask(arg))), columns)),
  ];
}

function quoteEmpty(text: string): string {
  return text === '' ? '""' : text;
}

/** A line break is shown, and breaks the row too: a file is read line by line, and none of them passes for one of ours. */
function inputRows(payload: Uint8Array | PalyraError, columns: number, mask: Mask = maskSecrets): string[] {
  const lines = foreignInput(payload, mask);
  return lines.flatMap((line, i) => row(i === 0 ? 'input' : '', line, columns));
}

function foreignInput(payload: Uint8Array | PalyraError, mask: Mask): string[] {
  if (payload instanceof PalyraError) return ['(not shown)'];
  if (payload.length === 0) return ['(empty)'];
  const lines = mask(inputText(payload)).split('\n');
  const last = lines.pop() ?? '';
  return [...lines.map((line) => `${printable(line)}\\u{a}`), ...(last === '' ? [] : [printable(last)])];
}

/** Bytes that are no text are shown in hexadecimal. */
function inputText(payload: Uint8Array | PalyraError): string {
  if (payload instanceof PalyraError) return '';
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return `(not UTF-8, in hexadecimal) ${Buffer.from(payload).toString('hex')}`;
  }
}

function asksWords(approval: Approval): string {
  const { principal, session_id: session, channel, device_id: device } = approval;
  return [
    named(principal),
    ...(session === '' ? [] : [`session ${named(session)}`]),
    ...(typeof channel === 'string' ? [`channel ${named(channel)}`] : []),
    ...(device === '' ? [] : [`device ${named(device)}`]),
  ].join(' · ');
}

function wantsWords({ action, resource, skill_id: skill, capabilities }: Approval): string {
  const needs = capabilities.length === 0 ? '' : `, needing ${capabilities.map(named).join(', ')}`;
  const runs = typeof skill === 'string' ? `, skill ${named(skill)}` : '';
  return `${named(action)} on ${named(resource)}${runs}${needs}`;
}

function hostWords(hosts: readonly string[]): string {
  return hosts.length === 0 ? '' : `: ${hosts.map(named).join(', ')}`;
}

function hostileWords(hostile: number): string {
  return `${count(hostile, 'invisible or direction-changing character')} ${hostile === 1 ? 'is' : 'are'}`;
}

function expiryWords(approval: Approval, now: number): string {
  const state = stateOf(approval, now);
  if (state !== 'pending') return state.replace('_', ' ');
  const seconds = Math.max(0, Math.round((approval.expires_at_unix_ms - now) / 1000));
  return `expires in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function beforeWords({ approval, history, now }: ApprovalView): string {
  const alike = history.filter((other) => other.approval_id !== approval.approval_id && isLike(other, approval));
  const states = alike.map((other) => stateOf(other, now)).filter((state) => state !== 'pending');
  if (states.length === 0) return 'nothing like this';
  const allowed = states.filter(isAllowed).length;
  const denied = states.filter((state) => state === 'denied').length;
  const reason = alike.findLast((other) => stateOf(other, now) === 'denied')?.decision_reason;
  const told = [
    ...(allowed === 0 ? [] : [`${allowed} allowed`]),
    ...(denied === 0 ? [] : [`${denied} denied${typeof reason === 'string' ? ` (${quoted(reason)})` : ''}`]),
    ...(states.length === allowed + denied ? [] : [`${states.length - allowed - denied} unanswered`]),
  ];
  return `${states.length} like this: ${told.join(', ')}`;
}

/** The same tool or action, and the same beginning of the command line. */
function isLike(a: Approval, b: Approval): boolean {
  return a.subject_id === b.subject_id && commandOf(a) === commandOf(b);
}

function commandOf(approval: Approval): string {
  return JSON.stringify(grantRuleOf(approval).command?.argv ?? null);
}
