import { PalyraError } from './errors.ts';

/** Milliseconds since the epoch, from whoever owns the time: rules, store and flows never ask the system. */
export type Clock = () => number;

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const HINT = 'give a number and a unit: 90s, 15m, 12h, 30d';

/**
 * A length of time: `90s`, `15m`, `12h`, `30d`. Bare numbers and months are refused: nobody agrees on what they mean.
 * @returns milliseconds, 1 s to 3650 d
 * @throws PalyraError usage.invalid
 */
export function parseDuration(text: string, name = 'duration'): number {
  const match = /^([0-9]{1,9})(s|m|h|d)$/.exec(text);
  if (match === null)
    throw new PalyraError('usage.invalid', `${name} is not a length of time: ${text.slice(0, 40)}`, { hint: HINT });
  const milliseconds = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (milliseconds < 1000 || milliseconds > 3650 * UNIT_MS.d) {
    throw new PalyraError('usage.invalid', `${name} is out of range: ${text}`, { why: 'from 1s to 3650d', hint: HINT });
  }
  return milliseconds;
}

/**
 * A moment: a length of time from now, an RFC 3339 time, or `never`.
 * @returns Unix milliseconds; null for `never`
 * @throws PalyraError usage.invalid
 */
export function parseMoment(text: string, now: number, name = 'time', direction: 1 | -1 = 1): number | null {
  if (text === 'never') return null;
  if (RFC_3339.test(text)) {
    const moment = Date.parse(text);
    if (!Number.isNaN(moment)) return moment;
  }
  if (/^[0-9]+[smhd]$/.test(text)) return now + direction * parseDuration(text, name);
  throw new PalyraError('usage.invalid', `${name} is not a time: ${text.slice(0, 40)}`, {
    hint: 'give 90s, 15m, 12h, 30d, never, or a time like 2026-12-22T18:00:00Z',
  });
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Unix milliseconds as RFC 3339 in UTC, without the milliseconds when they are zero. */
export function rfc3339(unixMs: number): string {
  return new Date(unixMs).toISOString().replace('.000Z', 'Z');
}

/** A length of time for people: `45 s`, `6 min`, `3 h`, `30 days`. */
export function inWords(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** A length of time as it is: `100 s`, `1500 ms`. */
export function exactly(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`;
}

/** A moment for people, relative to now: `in 30 days`, `6 min ago`. */
export function relative(unixMs: number, now: number): string {
  return unixMs >= now ? `in ${inWords(unixMs - now)}` : `${inWords(now - unixMs)} ago`;
}
