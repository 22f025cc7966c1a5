import fc from 'fast-check';
import { expect, test } from 'vitest';
import { spend } from '../../src/access/rate.ts';

/** How many of these uses pass, one number kept between them. */
function passing(uses: readonly number[], perMinute: number): number[] {
  let dueAt = 0;
  return uses.filter((now) => {
    const use = spend(dueAt, perMinute, now);
    if ('waitMs' in use) return false;
    dueAt = use.dueAt;
    return true;
  });
}

test("a minute's worth may come at once, then one comes back at a time", () => {
  const now = 1_800_000_000_000;
  expect(
    passing(
      Array.from({ length: 20 }, () => now),
      10,
    ),
  ).toHaveLength(10);
  const later = [...Array.from({ length: 10 }, () => now), now + 5_999, now + 6_000, now + 6_001, now + 12_000];
  expect(passing(later, 10).slice(10)).toEqual([now + 6_000, now + 12_000]);
});

test('there is no second burst at the edge of a window', () => {
  const start = 1_800_000_000_000;
  const uses = [59_990, 60_010].flatMap((at) => Array.from({ length: 120 }, () => start + at));
  expect(passing(uses, 120)).toHaveLength(120);
});

test('whoever waits as long as told may go on, and not a millisecond earlier', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 10_000 }), fc.nat(60_000), (perMinute, usedMs) => {
      const now = 1_800_000_000_000;
      const refused = spend(now + usedMs, perMinute, now);
      if (!('waitMs' in refused)) return;
      expect('dueAt' in spend(now + usedMs, perMinute, now + refused.waitMs)).toBe(true);
      expect('waitMs' in spend(now + usedMs, perMinute, now + refused.waitMs - 1)).toBe(true);
    }),
  );
});

test('no minute has more than a full and a refilled allowance, however the uses fall', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 200 }),
      fc.array(fc.nat(500), { minLength: 50, maxLength: 500 }),
      (perMinute, gaps) => {
        let now = 1_800_000_000_000;
        const passed = passing(
          gaps.map((gap) => (now += gap)),
          perMinute,
        );
        for (const from of passed) {
          const spanMs = 10_000;
          const within = passed.filter((at) => at >= from && at < from + spanMs).length;
          expect(within).toBeLessThanOrEqual(perMinute + Math.ceil((perMinute * spanMs) / 60_000));
        }
      },
    ),
  );
});

test('a clock that was set back locks nobody out for longer than a use takes', () => {
  const now = 1_800_000_000_000;
  expect(spend(now + 86_400_000, 60, now)).toEqual({ waitMs: 1000 });
});
