import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSedScript } from '../../src/sandbox/preflight/sed-script.ts';

/** `runs`, `writes FILE`, `reads FILE`, `unreadable`; empty for what only edits text. */
function found(script: string): string[] {
  const { runsCommands, writes, reads, unreadable } = readSedScript(script);
  return [
    ...(runsCommands ? ['runs'] : []),
    ...new Set([...writes.map((file) => `writes ${file}`), ...reads.map((file) => `reads ${file}`)]),
    ...(unreadable ? ['unreadable'] : []),
  ];
}

const READ: readonly (readonly [script: string, what: readonly string[]])[] = [
  ['s/a/b/gI;$!d', []],
  ['/a/,/b/{s/x/e/;p}', []],
  ['\\,a,Id;y/abc/wre/', []],
  ['a\\\ne id', []],
  ['# e id\np', []],
  [':w;tw;b', []],
  [':a;N;$!ba;s/x/y/', []],
  ['{b end };: end', []],
  ['s/[/e]/x/', []],
  ['s/a\\/w out/c/', []],
  ['1e id', ['runs']],
  ['/a/I,+2!{e}', ['runs']],
  ['s,a,id,2e', ['runs']],
  ['s/\\//id/e', ['runs']],
  ['a text\ne id', ['runs']],
  ['y/ab/cd/;e', ['runs']],
  ['p;w out\nr in', ['writes out', 'reads in']],
  ['s/a/b/w out\n2R other', ['writes out', 'reads other']],
  ['W a;b', ['writes a;b']],
  ['s/a/[/w out]', ['writes out]']],
  ['s/a/b/gI2w out', ['writes out']],
  // what follows a label after a blank is a command
  [':a w out', ['writes out']],
  ['t1 w out\n:1', ['writes out']],
  ['b x e id\n:x', ['runs']],
  ['T\tx\te id\n:x', ['runs']],
  ['v 4.2 e id', ['runs']],
  ['b\r e id', ['runs']],
  ['bx\u00a0# e id', ['runs']],
  ['q5 w out', []],
  // old seds end the expression at the slash in the brackets
  ['s/[/]/w out/', ['writes out/']],
  ['s/[/]/e', ['runs', 'unreadable']],
  ['s/a/b', ['unreadable']],
  ['s\na\nb\n', ['unreadable']],
  ['s', ['unreadable']],
  ['/a', ['unreadable']],
  ['Z', ['unreadable']],
  ['pp', ['unreadable']],
];

test.each(READ)('%j: %j', (script, what) => {
  expect(found(script)).toEqual(what);
});

test('whatever sed itself would not run in its sandbox is found, or not read at all', () => {
  const part = fc.constantFrom(
    ...['1', '$', ',', '!', '+2', '~3', '/a/', '\\xax', '/[/]x/', '{', '}', ';', '\n', ' ', '\\', '#', 'I', 'M', '0'],
    ...[
      'p',
      'd',
      'n',
      'N',
      'h',
      'x',
      '=',
      'q',
      'l',
      'b',
      't',
      'ta',
      ':a',
      'v4 ',
      'a',
      'i\\',
      'c',
      'z',
      'F',
      'e',
      'e id',
      'w',
      'w o',
    ],
    ...['r i', 'R i', 'W o', 's/a/b/', 's/a/b/e', 's/a/b/gw o', 's,[,],e,e', 's|x|y|2', 'y/ab/ba/', 'g', 'm', 'v', 'T'],
  );
  let refused = 0;
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const script = parts.join('');
      const { stderr } = spawnSync('sed', ['--sandbox', '-n', '--', script], { input: '', encoding: 'utf8' });
      if (!stderr.includes('disabled in sandbox mode')) return;
      refused++;
      expect([script, found(script)]).not.toEqual([script, []]);
    }),
    { numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(20);
});
