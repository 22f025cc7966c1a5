import { describe, expect, test } from 'vitest';
import { countHostile, isPlain, nameWords, printable } from '../src/text.ts';

describe('a letter that cannot be seen', () => {
  test.each([
    0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180f, 0x200b, 0x202e, 0x2060, 0x2065, 0x2800, 0x3164, 0xfe0f,
    0xfeff, 0xffa0, 0xfffc, 0x13441, 0x16fe4, 0x1d159, 0x1d173, 0xe0041, 0xe01ef,
  ])('U+%s is shown as its number', (point) => {
    const text = `a${String.fromCodePoint(point)}b`;
    expect(printable(text)).toBe(`a\\u{${point.toString(16)}}b`);
    expect([countHostile(text), isPlain(text)]).toEqual([1, false]);
  });

  test('others are shown as they are', () => {
    const text = 'Žluťoučký kůň 日本語 한국어 ⠓⠑⠇⠇⠕ 👍 e\u0301';
    expect(printable(text)).toBe(text);
  });
});

test('a name is quoted as soon as something in it could be taken for words of ours', () => {
  for (const name of ['user:ops', 'agent:ci-1', 'slack:ops', 'tool:palyra.http.fetch', 'a@b.example/c+d_e']) {
    expect(nameWords(name)).toBe(name);
  }
  expect(nameWords('agent:x   risk LOW')).toBe('"agent:x   risk LOW"');
  expect(nameWords('agent:x · session trusted')).toBe('"agent:x · session trusted"');
  expect(nameWords('x" y')).toBe('"x\\" y"');
  expect(nameWords('')).toBe('""');
});
