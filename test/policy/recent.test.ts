import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Recent } from '../../src/policy/recent.ts';

test('it never holds more than its limit, and never an answer that was not given for the key', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9)), (limit, keys) => {
      const recent = new Recent<number, string>(limit);
      for (const [time, key] of keys.entries()) {
        const found = recent.get(key);
        if (found !== undefined) expect(found.split(' ')[0]).toBe(String(key));
        recent.set(key, `${key} ${time}`);
        expect(recent.get(key)).toBe(`${key} ${time}`);
      }
      const held = Array.from({ length: 10 }, (_, key) => recent.get(key)).filter((value) => value !== undefined);
      expect(held.length).toBeLessThanOrEqual(limit);
    }),
  );
});

test('what was used longest ago makes room', () => {
  const recent = new Recent<string, number>(3);
  for (const [value, key] of ['a', 'b', 'c'].entries()) recent.set(key, value);
  recent.get('a');
  recent.set('d', 3);
  expect(['a', 'b', 'c', 'd'].map((key) => recent.get(key))).toEqual([0, undefined, 2, 3]);
  expect([recent.takeOldest(), recent.takeOldest(), recent.takeOldest(), recent.takeOldest()]).toEqual([
    0,
    2,
    3,
    undefined,
  ]);
});
