import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JsonLimits, parseJson, rawMembers } from '../src/json.ts';

const EXACT: JsonLimits = { name: 'it', depth: 64, exact: true };
const LOOSE: JsonLimits = { name: 'it', depth: 64 };

test('whatever JSON says is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      fc.pre(!/\d{16,}/.test(text)); // integers that are not safe are refused, see below
      expect(parseJson(text, EXACT)).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  ['{"a":1,"a":2}', /the key "a" is there twice/],
  ['{"a":1,"\\u0061":2}', /the key "a" is there twice/],
  ['[{"x":{"b":[],"b":0}}]', /the key "b" is there twice/],
  ['9007199254740993', /too large to be kept exactly/],
  ['{"a":[-9007199254740993]}', /too large to be kept exactly/],
  ['1e400', /too large to be kept exactly/],
  [`${'['.repeat(65)}${']'.repeat(65)}`, /nested too deep/],
  ['', /line \d, column \d: it ends too early/],
  [' \n', /line \d, column \d: it ends too early/],
  ['{"a":1', /line 1, column 7: it ends too early/],
  ['{"a":1}}', /line 1, column 8: nothing more is expected/],
  ['{"a":1,}', /line 1, column 8: a key in double quotes/],
  ['[1 2]', /line 1, column 4: a comma or \]/],
  ['{\n "a": nul}', /line 2, column 7: a value is expected/],
  ['"\n"', /a value is expected/],
  ['01', /nothing more is expected/],
])('%s is refused', (text, says) => {
  expect(() => parseJson(text, EXACT)).toThrow(says);
});

test.each([
  '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
  '{"a":"\\"a\\":1,\\"a\\":{[","b":"\\\\"}',
  '[9007199254740991,-9007199254740991,1.5,1e300,-0.25]',
  `${'['.repeat(64)}${']'.repeat(64)}`,
])('%s is kept', (text) => {
  expect(parseJson(text, EXACT)).toEqual(JSON.parse(text));
});

test('a key named __proto__ is a key like any other', () => {
  const value = parseJson('{"__proto__":{"polluted":true}}', EXACT);
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

test('what is refused is not echoed', () => {
  expect(() => parseJson('{"token":"palyra_0123456789abcdef', EXACT)).toThrow(
    /^it is not valid JSON: line 1, column 10: a value is expected$/,
  );
});

test('whatever is not exact is read all the same when it will not be written again', () => {
  expect(parseJson('{"n":12345678901234567890}', LOOSE)).toEqual({ n: 12345678901234567000 });
  expect(() => parseJson('{"a":{"b":1,"b":2}}', LOOSE)).toThrow(/the key "b" is there twice/);
  expect(() => parseJson(`${'['.repeat(100_000)}`, LOOSE)).toThrow(/nested too deep/);
});

test('members are given as they are written', () => {
  const members = rawMembers('{"a":12345678901234567890, "b" : [1,{"c":"\\n"},[]] ,"d":{}, "e":"\\u0041" }', LOOSE);
  expect([...members]).toEqual([
    ['a', '12345678901234567890'],
    ['b', '[1,{"c":"\\n"},[]]'],
    ['d', '{}'],
    ['e', '"\\u0041"'],
  ]);
});

test('what is no JSON is refused by both readers alike, at a place within the text', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    'true',
    'nul',
    ' ',
    '\n',
    '\\',
    '\u0001',
    '1e5',
    '01',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (isJson) return;
      expect(() => parseJson(text, LOOSE)).toThrow(/^it is not valid JSON: line \d+, column \d+: /);
    }),
    { numRuns: 3000 },
  );
});

test.each(['a'.repeat(5_000_000), '\\n'.repeat(1_000_000), '\\'.repeat(3_000_000)])(
  'megabytes of text are refused, not searched for ever',
  (body) => {
    expect(() => parseJson(`{"a":"${body}" x`, LOOSE)).toThrow(/not valid JSON/);
    expect(() => parseJson(`{"a":"${body}`, LOOSE)).toThrow(/not valid JSON/);
  },
);
