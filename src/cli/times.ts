import { rfc3339 } from '../time.ts';

/** A record for --json: beside each `…_unix_ms` the same moment for people. */
export function withTimes(record: object): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    shown[key] = value;
    if (key.endsWith('_unix_ms') && typeof value === 'number') shown[key.slice(0, -'_unix_ms'.length)] = moment(value);
  }
  return shown;
}

/** A file of another program may hold a moment beyond what a date can say. */
function moment(unixMs: number): string | null {
  return unixMs <= 8.64e15 ? rfc3339(unixMs) : null;
}
