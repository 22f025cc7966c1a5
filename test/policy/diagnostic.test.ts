import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { diagnose, locate } from '../../src/policy/diagnostic.ts';

const cedar = openCedar();

function diagnoseText(text: string) {
  const parts = cedar.parts(text);
  return parts.ok ? [] : parts.errors.map((error) => diagnose(error, text, 'team.cedar'));
}

test('an error is shown with its line, the one before, and a mark under the words that are meant', () => {
  expect(diagnoseText('\ufeff// café\r\n@why("é😀") permit(princpal, action, resource);')).toEqual([
    {
      file: 'team.cedar',
      line: 2,
      column: 19,
      message: 'found an invalid variable in the policy scope: princpal',
      help: 'did you mean `principal`?',
      frame: [
        '1 | // café',
        '2 | @why("é😀") permit(princpal, action, resource);',
        '  |                    ^^^^^^^^',
      ].join('\n'),
    },
  ]);
});

test('an error at the end of the text has a place', () => {
  expect(diagnoseText('permit(principal, action, resource)')).toEqual([
    {
      file: 'team.cedar',
      line: 1,
      column: 36,
      message: 'unexpected end of input',
      help: 'expected `;` or identifier',
      frame: ['1 | permit(principal, action, resource)', `  | ${' '.repeat(35)}^`].join('\n'),
    },
  ]);
});

test('the mark stands under what is shown, also where that is escaped', () => {
  const [found] = diagnoseText('permit(principal, action, resource) when { "\u202e\\\\" == contxt.x };');
  const marks = found?.frame?.split('\n').at(-1);
  expect(marks).toBe(
    `  | ${' '.repeat('permit(principal, action, resource) when { "\\u{202e}\\\\\\\\" == '.length)}^^^^^^^^`,
  );
});

test('a line of any length makes a frame of a hundred characters', () => {
  const [found] = diagnoseText(`permit(principal, action, resource) when { "${'x'.repeat(10_000)}" == contxt.x };`);
  expect(found?.column).toBe(10_050);
  expect(found?.frame?.split('\n').map((line) => line.length)).toEqual([4 + 50 + 11, 4 + 50 + 8]);
});

test.each([
  ['permti(principal, action, resource);', 'did you mean `permit`?'],
  ['permit(principal, action, resource) whn { true };', 'did you mean `when`?'],
  ['permit(principal, actoin, resource);', 'did you mean `action`?'],
  ['permit(principal, action = Action::"a", resource);', "try using '==' instead"],
  ['permit(principal, action, resource) when { isIpp("a") };', 'did you mean `ip`?'],
])('help for %s', (text, help) => {
  expect(diagnoseText(text).map((found) => found.help)).toEqual([help]);
});

test('a byte is found in the line and column of its character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, after) => {
      const text = `x${before}`;
      const lines = text.split('\n');
      expect(locate(`${text}${after}`, Buffer.byteLength(text))).toEqual({
        line: lines.length,
        column: [...(lines.at(-1) ?? '')].length + 1,
      });
    }),
  );
});
