import { PalyraError } from './errors.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID: 48 bits of time, 80 of chance, 26 characters of Crockford's base 32. Source: github.com/ulid/spec.
 * @param unixMs milliseconds since the epoch
 * @param random at least 10 random bytes
 */
export function ulid(unixMs: number, random: Uint8Array): string {
  let bits = BigInt(unixMs);
  for (const byte of random.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return text;
}

/** How an id is shown to people: `…5G5FAV`. */
export function shortId(id: string): string {
  return `…${id.slice(-6)}`;
}

/**
 * Find the one record that an operator names by its whole id or by its last characters (at least 6, `…` optional, any case).
 * A value that looks like a secret is refused and not echoed.
 * @param noun what is looked for, e.g. `token`
 * @param list the command that lists them, for the hint
 * @throws PalyraError usage.secret_argument, usage.invalid (ambiguous), store.not_found
 */
export function findById<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  named: string,
  noun: string,
  list: string,
): T {
  if (looksSecret(named)) {
    throw new PalyraError('usage.secret_argument', `that looks like a secret, not the id of ${aNoun(noun)}`, {
      why: 'arguments are readable by other processes and stay in the shell history',
      hint: `${list}   shows the ids; if the secret is real, rotate it`,
    });
  }
  const tail = named.replace(/^(…|\.\.\.)/, '').toUpperCase();
  if (!/^[0-9A-HJKMNP-TV-Z]{6,26}$/.test(tail)) {
    throw new PalyraError('usage.invalid', `not the id of ${aNoun(noun)}: ${named.slice(0, 40)}`, {
      hint: `${list}   shows the ids, of which at least the last 6 characters are needed`,
    });
  }
  const found = items.filter((item) => idOf(item).endsWith(tail));
  if (found.length > 1) {
    throw new PalyraError('usage.invalid', `${named} means ${found.length} ${noun}s`, {
      why: found.slice(0, 10).map(idOf).join(', '),
      hint: 'give the whole id',
    });
  }
  const [item] = found;
  if (item === undefined) throw new PalyraError('store.not_found', `no ${noun} ${named}`, { hint: list });
  return item;
}

function aNoun(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** Whether a text that should be an id has the shape of a palyra secret (token or invitation), even of a part. Never echo it. */
function looksSecret(text: string): boolean {
  return /palyrai?_[0-9A-Za-z_-]{8,}/.test(text);
}

/** Whether a whole secret stands anywhere in a text, such as a path or `--option=value`. Never echo it. */
export function holdsSecret(text: string): boolean {
  return /palyra_[0-9A-Za-z_-]{32}|palyrai_[0-9A-Za-z]{49}/.test(text);
}
