import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '../sha256.ts';

/** What the secret of a token, or of an invitation, begins with. */
export type SecretPrefix = 'palyra_' | 'palyrai_';

/**
 * A secret: its prefix, 43 characters of base 62 for 32 random bytes, 6 for the CRC-32 of all before. The checksum lets a
 * scan tell a secret from a look-alike without asking anybody.
 */
export function formSecret(prefix: SecretPrefix, bytes: Uint8Array): string {
  const body = prefix + base62(BigInt(`0x${Buffer.from(bytes).toString('hex')}`), 43);
  return body + checksum(body);
}

/** Whether a text can be a token's secret: ours, checksum included, or one of the older form. */
export function isTokenSecret(text: string): boolean {
  return hasChecksum('palyra_', text) || /^palyra_[0-9A-Za-z_-]{32}$/.test(text);
}

/** Whether a text is a secret that we could have made. */
export function hasChecksum(prefix: SecretPrefix, text: string): boolean {
  if (text.length !== prefix.length + 49 || !text.startsWith(prefix)) return false;
  return checksum(text.slice(0, -6)) === text.slice(-6);
}

/** What is stored instead of a secret. Of 256 random bits there is nothing to guess, so a fast hash is enough. */
export function hashSecret(secret: string): string {
  return sha256(secret);
}

/** How a token is told apart by its holder: `palyra_003a`. */
export function shownPrefix(secret: string): string {
  return secret.slice(0, 'palyra_'.length + 4);
}

/** The item whose hash is that of the secret. Takes as long whichever it is, and whether there is one. */
export function findBySecret<T>(items: readonly T[], hashOf: (item: T) => string, secret: string): T | undefined {
  const wanted = Buffer.from(hashSecret(secret), 'latin1');
  let found: T | undefined;
  for (const item of items) {
    const hash = Buffer.from(hashOf(item), 'latin1');
    if (hash.length === wanted.length && timingSafeEqual(hash, wanted)) found = item;
  }
  return found;
}

const BASE_62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(number: bigint, digits: number): string {
  let text = '';
  for (let rest = number; text.length < digits; rest /= 62n) text = BASE_62[Number(rest % 62n)] + text;
  return text;
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), 6);
}

/** CRC-32 of IEEE 802.3, as zlib's. */
function crc32(ascii: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < ascii.length; i++) {
    crc ^= ascii.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
