import { PalyraError } from './errors.ts';

/**
 * RFC 8785: one text for one value, so that a digest means the value. Keys sorted by UTF-16 code units, numbers and
 * strings as ECMAScript writes them. Absent fields are left out; what JSON cannot say is refused.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return writeScalar(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new PalyraError('input.invalid', 'a number that JSON cannot say');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new PalyraError('input.invalid', `JSON cannot say a ${typeof value}`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${writeScalar(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function writeScalar(value: string | boolean | null): string {
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw new PalyraError('input.invalid', 'a text with half a surrogate pair cannot be digested');
  }
  return JSON.stringify(value);
}
