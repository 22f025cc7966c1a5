import { expect, test } from 'vitest';
import { outlineOf } from '../../src/policy/outline.ts';

const IGNORED = ['session_id', 'run_id'];

test.each<[line: string, text: string, id: string | number | undefined]>([
  ['{"principal":"a"}', '{"principal":"a"}', undefined],
  ['{"id":"line 7","principal":"a"}', '{"id":"","principal":"a"}', 'line 7'],
  ['{"id":"","principal":"a"}', '{"id":"","principal":"a"}', ''],
  ['{"id":0}', '{"id":}', 0],
  ['{"id":123456789012345}', '{"id":}', 123_456_789_012_345],
  ['{"session_id":"s1","channel":"c","run_id":"r"}', '{"session_id":"","channel":"c","run_id":""}', undefined],
  [`{"run_id":"${'x'.repeat(256)}","id":1}`, '{"run_id":"","id":}', 1],
  // spelt in another way, it is no value of that member and stays
  ['{"session_id" : "s1","id" : 7}', '{"session_id" : "s1","id" : 7}', undefined],
])('%s is outlined as %s, with the id %j', (line, text, id) => {
  expect(outlineOf(line, IGNORED)).toEqual({ text, id });
});

test.each([
  '{"id":"a',
  '{"id":"é"}',
  '{"id":"\t"}',
  '{"id":01}',
  '{"id":}',
  '{"id":true}',
  '{"id":1234567890123456}',
  '{"run_id":"r',
  '{"run_id":"\u007f"}',
  `{"run_id":"${'x'.repeat(257)}"}`,
  '{"channel":"\\u0063"}',
  `{"channel":"${'x'.repeat(2048)}"}`,
])('%j has no outline', (line) => {
  expect(outlineOf(line, IGNORED)).toBeUndefined();
});

test('a line of 2048 characters has an outline, a longer one has none', () => {
  const line = `{"channel":"${'x'.repeat(2034)}"}`;
  expect(line).toHaveLength(2048);
  expect(outlineOf(line, IGNORED)).toEqual({ text: line, id: undefined });
  expect(outlineOf(`${line} `, IGNORED)).toBeUndefined();
});
