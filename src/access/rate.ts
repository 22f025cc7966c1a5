/** What a token has used, as one number: when, at its pace, all that it used so far would have been due. Unix milliseconds. */
export type DueAt = number;

/** A use that is within the limit, or how long to wait for the next one that is. */
export type Use = { readonly dueAt: DueAt } | { readonly waitMs: number };

const WINDOW_MS = 60_000;

/**
 * One use of a token (GCRA: ITU-T I.371). A minute's worth may come at once; what is used comes back evenly, so that no
 * burst follows another at the edge of a window.
 * @param dueAt of the uses before; 0 for none
 */
export function spend(dueAt: DueAt, perMinute: number, now: number): Use {
  // a clock that was set back must not lock a token out for longer than a minute
  const due = Math.max(now, Math.min(dueAt, now + WINDOW_MS));
  const next = due + WINDOW_MS / perMinute;
  return next - now <= WINDOW_MS ? { dueAt: next } : { waitMs: Math.ceil(next - now - WINDOW_MS) };
}
