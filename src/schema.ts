import { PalyraError } from './errors.ts';

/**
 * A check that a foreign value has a shape: gives back the same value, typed, with every unknown field in its place.
 * @param at where the value stands, for the message: `api_tokens[3].label`
 * @throws PalyraError input.invalid; names the place, never the value
 */
export type Check<T> = (value: unknown, at: string) => T;

/** The type that a check vouches for. */
export type Checked<C> = C extends Check<infer T> ? T : never;

/** A field that may be left out; blank (null) is taken as left out, as other programs write it. */
export interface Optional<T> {
  readonly optional: Check<T>;
}

export type Fields = Readonly<Record<string, Check<unknown> | Optional<unknown>>>;

export type RecordOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Optional<unknown> ? never : K]: Checked<F[K]>;
} & {
  readonly [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: F[K] extends Optional<infer T>
    ? T | null
    : never;
};

/** An object with these fields and any others. */
export function record<F extends Fields>(fields: F): Check<RecordOf<F>> {
  const known = Object.entries(fields);
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'an object');
    for (const [name, field] of known) {
      const member: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      if (typeof field === 'function') field(member, `${at}.${name}`);
      else if (member !== undefined && member !== null) field.optional(member, `${at}.${name}`);
    }
    return value as RecordOf<F>;
  };
}

/** A list of such values. */
export function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(at, 'a list');
    for (let i = 0; i < value.length; i++) check(value[i], `${at}[${i}]`);
    return value;
  };
}

export function optional<T>(check: Check<T>): Optional<T> {
  return { optional: check };
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, at) => (value === null ? null : check(value, at));
}

/** One of these words. */
export function oneOf<const W extends string>(...words: readonly W[]): Check<W> {
  return (value, at) => words.find((word) => word === value) ?? refuse(at, `one of ${words.join(', ')}`);
}

export const text: Check<string> = (value, at) => (typeof value === 'string' ? value : refuse(at, 'a text'));

export const truth: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false'));

/** A whole number from 0 to 2^53: counts, and moments in Unix milliseconds. */
export const whole: Check<number> = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : refuse(at, 'a whole number');

function refuse(at: string, expected: string): never {
  throw new PalyraError('input.invalid', `${at} is not ${expected}`);
}
