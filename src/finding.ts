import type { PalyraError } from './errors.ts';

/** One thing that the doctor found; what, why and remedy may hold foreign text. */
export interface Finding {
  /** stable, for programs: `file.open_to_others` */
  readonly code: string;
  /** whether something is wrong; else it is only worth knowing */
  readonly isWrong: boolean;
  readonly what: string;
  readonly why: string;
  /** the command to type, or what to do */
  readonly remedy: string;
  /** whether `palyra doctor --fix` does it */
  readonly isFixable: boolean;
}

/** A refusal, as a finding. */
export function findingOf(
  error: PalyraError,
  code: string,
  words: { readonly why: string; readonly remedy: string },
): Finding {
  return {
    code,
    isWrong: true,
    what: error.message,
    why: error.why ?? words.why,
    remedy: error.hint === undefined || error.hint.includes('palyra doctor') ? words.remedy : error.hint,
    isFixable: false,
  };
}
