import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffLines } from '../src/line-diff.ts';

/** The hunks as a person sees them. */
function shown(before: string, after: string): string[] {
  return diffLines(before, after).map((hunk) => hunk.map(({ sign, text }) => sign + text).join('|'));
}

test('a change is shown with two lines around it, and one far away by itself', () => {
  expect(shown('1\n2\n3\n4\n5\n6\n7\n8', '1\n2\nx\n4\n5\n6\n7\n8\n9')).toEqual([' 1| 2|-3|+x| 4| 5', ' 7| 8|+9']);
  expect(shown('a', 'a')).toEqual([]);
  expect(shown('', 'a')).toEqual(['-|+a']);
});

test('what is taken out and put in leads from one text to the other, whatever they are', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const hunks = diffLines(before.join('\n'), after.join('\n')).flat();
      const count = (sign: string): Map<string, number> => {
        const found = new Map<string, number>();
        for (const one of hunks) if (one.sign === sign) found.set(one.text, (found.get(one.text) ?? 0) + 1);
        return found;
      };
      const [out, put] = [count('-'), count('+')];
      for (const text of ['a', 'b', 'c', '']) {
        const had = before
          .join('\n')
          .split('\n')
          .filter((line) => line === text).length;
        const has = after
          .join('\n')
          .split('\n')
          .filter((line) => line === text).length;
        expect(had - (out.get(text) ?? 0) + (put.get(text) ?? 0)).toBe(has);
      }
      expect(hunks.length === 0).toBe(before.join('\n') === after.join('\n'));
    }),
  );
});

test('texts too long to compare are shown as replaced, but for how they begin and end', () => {
  const many = (word: string): string => Array.from({ length: 2001 }, (_, n) => `${word}${n}`).join('\n');
  const [hunk, ...others] = diffLines(`same\n${many('a')}\nend`, `same\n${many('b')}\nend`);
  expect(others).toEqual([]);
  expect(hunk?.map(({ sign }) => sign).join('')).toBe(` ${'-'.repeat(2001)}${'+'.repeat(2001)} `);
});
