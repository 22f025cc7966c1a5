/** What can go wrong, as programs see it. Tests and exit codes depend on the code, never on the prose. */
export type ErrorCode =
  // what was typed or handed in
  | 'usage.invalid' //        a flag, value or combination that is not accepted
  | 'usage.unknown' //        a name nobody knows (command, flag, scope, action …)
  | 'usage.secret_argument' // a secret where others could read it
  | 'usage.terminal_needed' // a person must be asked and there is none
  | 'input.invalid' //        a document that is not what it should be (JSON, TOML, Cedar, UTF-8 …)
  | 'input.too_large' //      over a limit
  // what is stored
  | 'store.not_found'
  | 'store.conflict' //       already decided, stale digest, last owner
  | 'store.busy' //           the lock was not had in time
  | 'store.unsafe' //         wrong owner, mode, kind of file; damaged; a newer version
  | 'store.write_failed' //   the disk refused; nothing was committed
  // who may
  | 'access.forbidden' //     the role lacks the permission
  | 'access.flag_off' //      the gating feature flag is off
  | 'access.token_refused' // invalid, lacks the scope, over its limit
  // answers that end a command early
  | 'check.failed'
  | 'approval.pending'
  | 'approval.declined'
  | 'sandbox.setup_failed'
  | 'sandbox.refused'
  | 'sandbox.no_command'
  | 'interrupted'
  // never an answer
  | 'output.failed' //        nobody could be told: standard output cannot be written
  | 'output.closed' //        nobody reads the answers any more; said quietly
  | 'bug';

/** `why`: the fact behind it. `hint`: the next command to type. `details`: for `--json`, never secret. */
export interface ErrorWords {
  readonly why?: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error of the house: what is so (lower case, no full stop), why, and the next command to type.
 * The message may hold foreign text; whoever shows it escapes it (text.ts).
 */
export class PalyraError extends Error {
  readonly code: ErrorCode;
  readonly why: string | undefined;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, words: ErrorWords = {}) {
    super(message, words.cause === undefined ? undefined : { cause: words.cause });
    this.name = 'PalyraError';
    this.code = code;
    this.why = words.why;
    this.hint = words.hint;
    this.details = words.details;
  }
}

/** The system's error code (`ENOENT` …) of a thrown value, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
