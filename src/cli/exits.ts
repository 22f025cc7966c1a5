import type { ErrorCode } from '../errors.ts';

/** The one table of exit codes: help, man pages, JSON errors and the process itself read it. */
export const EXITS = {
  ok: { code: 0, when: 'done, allowed, verified, nothing to change' },
  failure: { code: 1, when: 'a bug, or the answer could not be written; never an answer' },
  usage: { code: 2, when: 'bad flag or input, unknown name, a terminal is needed, a secret on the command line' },
  not_found: { code: 3, when: 'no such id, key or file' },
  conflict: { code: 4, when: 'already decided, stale digest, last owner' },
  forbidden: { code: 5, when: 'the role lacks the permission, or the gating flag is off' },
  check_failed: {
    code: 6,
    when: 'a check found something: validate, test, fmt --check, diff, scan, doctor, journal verify',
  },
  busy: { code: 7, when: 'the lock was not had in time; safe to retry' },
  pending: { code: 8, when: 'waiting ran out, still pending' },
  declined: { code: 9, when: 'the person answered no' },
  deny: { code: 10, when: 'policy denies; token refused; approval denied or timed out' },
  approval_required: { code: 11, when: 'permitted once approved' },
  unsafe_state: { code: 14, when: 'state unreadable, wrong owner or mode, damaged, or of a newer version' },
  exec_timeout: { code: 124, when: 'exec: the time limit was reached' },
  exec_setup: { code: 125, when: 'exec: the sandbox could not be set up' },
  exec_refused: { code: 126, when: 'exec: refused by policy, posture, approval, egress or tier' },
  exec_no_command: { code: 127, when: 'exec: no such command (128+n: ended by signal n)' },
  interrupted: { code: 130, when: 'interrupted (Ctrl-C)' },
  terminated: { code: 143, when: 'terminated' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

export type ExitName = keyof typeof EXITS;

/** How a command ends: a name, or the code of the command that `exec` ran. */
export type Exit = ExitName | number;

export function exitCodeOf(exit: Exit): number {
  return typeof exit === 'number' ? exit : EXITS[exit].code;
}

/** Which exit a PalyraError is. */
export const ERROR_EXIT = {
  'usage.invalid': 'usage',
  'usage.unknown': 'usage',
  'usage.secret_argument': 'usage',
  'usage.terminal_needed': 'usage',
  'input.invalid': 'usage',
  'input.too_large': 'usage',
  'store.not_found': 'not_found',
  'store.conflict': 'conflict',
  'store.busy': 'busy',
  'store.unsafe': 'unsafe_state',
  'store.write_failed': 'unsafe_state',
  'access.forbidden': 'forbidden',
  'access.flag_off': 'forbidden',
  'access.token_refused': 'deny',
  'check.failed': 'check_failed',
  'approval.pending': 'pending',
  'approval.declined': 'declined',
  'sandbox.setup_failed': 'exec_setup',
  'sandbox.refused': 'exec_refused',
  'sandbox.no_command': 'exec_no_command',
  interrupted: 'interrupted',
  'output.failed': 'failure',
  'output.closed': 'failure',
  bug: 'failure',
} as const satisfies Record<ErrorCode, ExitName>;
