import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  findBySecret,
  formSecret,
  hasChecksum,
  hashSecret,
  isTokenSecret,
  shownPrefix,
} from '../../src/access/secret.ts';

describe('secrets', () => {
  test.each([
    [
      Uint8Array.from({ length: 32 }, (_, i) => i),
      'palyra_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2UGG5m',
      '1f0aea7d2f974852',
    ],
    [new Uint8Array(32).fill(255), 'palyra_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp101Wfna', 'ab7aefe224ba9f48'],
    [new Uint8Array(32), 'palyra_000000000000000000000000000000000000000000037yQNS', '86a9a9666c750b5b'],
  ])('have the specified form: %#', (bytes, secret, hash) => {
    expect(formSecret('palyra_', bytes)).toBe(secret);
    expect(hashSecret(secret).slice(0, 16)).toBe(hash);
    expect(isTokenSecret(secret)).toBe(true);
    expect(shownPrefix(secret)).toBe(secret.slice(0, 11));
  });

  test('are 56 characters of base 62, and every single changed character is noticed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(48), fc.nat(61), (bytes, at, by) => {
        const secret = formSecret('palyra_', bytes);
        expect(secret).toMatch(/^palyra_[0-9A-Za-z]{49}$/);
        const place = 7 + at;
        const other = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.charAt(by);
        const changed = secret.slice(0, place) + other + secret.slice(place + 1);
        expect(hasChecksum('palyra_', changed)).toBe(changed === secret);
      }),
    );
  });

  test('the checksum is the CRC-32 of zlib', () => {
    const secret = formSecret('palyrai_', new Uint8Array(32).fill(7));
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    const sum = [...secret.slice(-6)].reduce((value, digit) => value * 62 + digits.indexOf(digit), 0);
    expect(sum).toBe(crc32(secret.slice(0, -6)));
  });

  test('of the older form are secrets still; what is near is not', () => {
    expect(isTokenSecret('palyra_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_')).toBe(true);
    for (const text of [
      '',
      'palyra_',
      'palyra_AAAA',
      'PALYRA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_',
      `palyra_${'0'.repeat(49)}`,
    ]) {
      expect(isTokenSecret(text)).toBe(false);
    }
    // an invitation is no token
    expect(isTokenSecret(formSecret('palyrai_', new Uint8Array(32)))).toBe(false);
  });

  test('are found by their hash alone', () => {
    const items = ['a', 'b', 'c'].map((name) => ({ name, hash: hashSecret(name) }));
    expect(findBySecret(items, ({ hash }) => hash, 'b')?.name).toBe('b');
    expect(findBySecret(items, ({ hash }) => hash, 'd')).toBeUndefined();
    expect(findBySecret([{ hash: 'too short' }], ({ hash }) => hash, 'b')).toBeUndefined();
  });
});
