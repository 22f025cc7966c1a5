import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStrictJson } from '../src/strict-json.ts';

test('whatever JSON says is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      fc.pre(!/-?9007199254740992/.test(text)); // the one integer that generators like and that is not safe
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test.each([
  ['{"a":1,"a":2}', /the key "a" occurs twice/],
  ['{"a":1,"\\u0061":2}', /the key "a" occurs twice/],
  ['[{"x":{"b":[],"b":0}}]', /the key "b" occurs twice/],
  ['9007199254740993', /too large to be kept exactly/],
  ['{"a":[-9007199254740993]}', /too large to be kept exactly/],
  ['1e400', /too large to be kept exactly/],
  [`${'['.repeat(65)}${']'.repeat(65)}`, /deeper than 64 levels/],
  ['', /empty/],
  [' \n', /empty/],
  ['{"a":1', /not JSON/],
  ['{"a":1}}', /not JSON/],
])('%s is refused', (text, says) => {
  expect(() => parseStrictJson(text)).toThrow(says);
});

test.each([
  '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
  '{"a":"\\"a\\":1,\\"a\\":{[","b":"\\\\"}',
  '[9007199254740991,-9007199254740991,1.5,1e300,-0.25]',
  `${'['.repeat(64)}${']'.repeat(64)}`,
])('%s is kept', (text) => {
  expect(parseStrictJson(text)).toEqual(JSON.parse(text));
});

test('a key named __proto__ is a key like any other', () => {
  const value = parseStrictJson('{"__proto__":{"polluted":true}}');
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

test('what is refused is not echoed', () => {
  expect(() => parseStrictJson('{"token":"palyra_0123456789abcdef')).toThrow(/^not JSON, or cut short$/);
});
