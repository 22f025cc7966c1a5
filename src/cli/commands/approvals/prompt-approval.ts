import {
  type Approval,
  decisionWords,
  LONGEST_GRANT_MS,
  SCOPES,
  type Scope,
  stateOf,
  type Verdict,
} from '../../../approvals/approval.ts';
import { PalyraError } from '../../../errors.ts';
import { findApproval } from '../../../flows/find-approval.ts';
import type { State } from '../../../store/state.ts';
import type { Store } from '../../../store/store.ts';
import { count, printable } from '../../../text.ts';
import { parseDuration } from '../../../time.ts';
import type { Cli } from '../../cli.ts';
import { askLine, isPlainAsking } from '../../prompt.ts';
import {
  ALLOWS,
  type ApprovalView,
  type Choice,
  choiceRows,
  detailRows,
  type Keyed,
  screenRows,
  unmaskedRows,
} from './approval-screen.ts';

/** What an operator said to one approval. gone: it expired, or somebody else was first; that has been told already. */
export type Said = Verdict | 'skip' | 'quit' | 'gone';

/**
 * Show an approval on the terminal, to its end, and ask for the answer. It is asked for only as long as it is pending.
 * @throws PalyraError interrupted (Ctrl-C): it stays pending
 */
export async function askApproval(cli: Cli, store: Store<State>, view: ApprovalView): Promise<Said> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  const watching = watchEnd(cli, store, view.approval, ended.signal);
  watching.then(end, end);
  try {
    const said = await converse(cli, view, ended.signal);
    if (said !== undefined) return said;
    if (!ended.signal.aborted) return 'quit';
    say(cli, '');
    say(cli, printable(`no longer pending: ${decisionWords(await watching, cli.world.clock())}`));
    return 'gone';
  } finally {
    end();
  }
}

/**
 * Whether to go on to the next after one ended under the operator's eyes: only Enter says so, for what else is typed was
 * begun for the one that is gone.
 * @throws PalyraError interrupted (Ctrl-C)
 */
export async function wantsNext(cli: Cli): Promise<boolean> {
  for (;;) {
    const answer = await askLine(cli, 'Enter to go on, q to quit', new AbortController().signal);
    if (answer === undefined || answer.toLowerCase() === 'q') return false;
    if (answer === '') return true;
    say(cli, 'that was not for this question; only Enter goes on');
  }
}

/** The approval once it is decided, its time is over, or nobody wants to know any more. */
async function watchEnd({ world }: Cli, store: Store<State>, approval: Approval, stop: AbortSignal): Promise<Approval> {
  const leftMs = Math.max(0, approval.expires_at_unix_ms - world.clock());
  const until = AbortSignal.any([stop, AbortSignal.timeout(leftMs)]);
  let last = approval;
  for await (const _ of store.changes(until)) {
    last = await findApproval({ store }, approval.approval_id);
    if (stateOf(last, world.clock()) !== 'pending') break;
  }
  return last;
}

/** Undefined when there is nothing left to ask, or to ask it of. */
async function converse(cli: Cli, view: ApprovalView, signal: AbortSignal): Promise<Said | undefined> {
  const columns = cli.world.stderr.columns || 80;
  const choices = choicesOf(cli, view);
  if (!(await page(cli, [...screenRows(view, columns), '', ...choiceRows(view, choices, columns)], signal)))
    return undefined;
  for (;;) {
    const answer = await askLine(cli, isPlainAsking(cli) ? 'Number (Enter skips)' : 'Decision (Enter skips)', signal);
    if (answer === undefined) return undefined;
    const choice = answer === '' ? 'skip' : choices.find(({ key }) => key === answer.toLowerCase())?.choice;
    if (choice === 'skip' || choice === 'quit') return choice;
    if (choice === undefined) say(cli, `no such choice; it is one of ${choices.map(({ key }) => key).join(', ')}`);
    else if (choice === 'view') {
      if (!(await page(cli, [...detailRows(view, columns), ...unmaskedRows(view, columns)], signal))) return undefined;
    } else {
      const verdict = choice === 'deny' ? await askDeny(cli, view, signal) : await askAllow(cli, view, choice, signal);
      if (verdict !== undefined) return verdict;
      if (signal.aborted) return undefined;
    }
  }
}

/** Show rows, a screen at a time, each to be passed with Enter. Nothing is asked before the end was seen. */
async function page(cli: Cli, rows: readonly string[], signal: AbortSignal): Promise<boolean> {
  // a row for the question, and one for what its answer shows
  const height = Math.max(4, (cli.world.stderr.rows || 24) - 2);
  for (let from = 0; ; from += height) {
    for (const row of rows.slice(from, from + height)) say(cli, row);
    const left = rows.length - from - height;
    if (left <= 0) return true;
    const answer = await askLine(cli, `${count(left, 'more row')}: Enter, or q`, signal);
    if (answer === undefined || answer.toLowerCase() === 'q') return false;
  }
}

/** The choices in order, each with its key: a letter, or its number. */
function choicesOf(cli: Cli, { approval, payload }: ApprovalView): Keyed[] {
  const isShown = !(payload instanceof PalyraError);
  const choices = CHOICES.filter(({ choice }) => {
    if (isScope(choice)) return isShown && approval.prompt.options.includes(choice);
    return isShown || choice !== 'view';
  });
  return isPlainAsking(cli) ? choices.map(({ choice }, i) => ({ choice, key: String(i + 1) })) : choices;
}

const CHOICES: readonly Keyed[] = [
  { choice: 'once', key: 'a' },
  { choice: 'session', key: 's' },
  { choice: 'timeboxed', key: 't' },
  { choice: 'deny', key: 'd' },
  { choice: 'view', key: 'v' },
  { choice: 'skip', key: 'k' },
  { choice: 'quit', key: 'q' },
];

function isScope(choice: Choice): choice is Scope {
  return (SCOPES as readonly string[]).includes(choice);
}

/** What could do harm is not allowed by one key: the end of its id is typed, by whoever has read which one it is. */
async function askAllow(
  cli: Cli,
  { approval }: ApprovalView,
  scope: Scope,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  let ttlMs: number | undefined;
  if (scope === 'timeboxed') {
    ttlMs = await askDuration(cli, signal);
    if (ttlMs === undefined) return undefined;
  }
  const { risk_level: risk } = approval.prompt;
  if (risk === 'high' || risk === 'critical') {
    const id = approval.approval_id.slice(-6);
    const message = `${risk === 'high' ? 'High' : 'Critical'} risk. Type ${id} to ${ALLOWS[scope]}`;
    const typed = await askLine(cli, message, signal);
    if (typed === undefined) return undefined;
    if (typed.replace(/^…/, '').toUpperCase() !== id) {
      say(cli, 'not allowed: that is not its id');
      return undefined;
    }
  }
  return {
    decision: 'allow',
    scope,
    digest: approval.request_sha256,
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...reasonOf(cli.options.reason),
  };
}

async function askDuration(cli: Cli, signal: AbortSignal): Promise<number | undefined> {
  const answer = await askLine(cli, 'For how long (30m, 2h; at most 8h; Enter goes back)', signal);
  if (answer === undefined || answer === '') return undefined;
  try {
    const ttlMs = parseDuration(answer, 'the time');
    if (ttlMs <= LONGEST_GRANT_MS) return ttlMs;
    say(cli, 'at most 8h');
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    say(cli, printable(`${error.message}; ${error.hint}`));
  }
  return undefined;
}

async function askDeny(cli: Cli, { approval }: ApprovalView, signal: AbortSignal): Promise<Verdict | undefined> {
  const reason =
    cli.options.reason ?? (await askLine(cli, 'Reason, which the agent will read (Enter for none)', signal));
  if (reason === undefined) return undefined;
  return { decision: 'deny', digest: approval.request_sha256, ...reasonOf(reason) };
}

function reasonOf(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined || reason === '' ? {} : { reason };
}

function say({ world }: Cli, row: string): void {
  world.stderr.write(`${row}\n`);
}
