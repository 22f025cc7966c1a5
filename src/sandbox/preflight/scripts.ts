import { familyOf } from './programs.ts';
import type { Tool } from './tools.ts';

/** How an interpreter takes what it runs: `text` and what is no plain word is a program, the rest are files. */
export function interpreterRules(name: string): Tool {
  const plain = familyOf(name) ?? name;
  return FAMILIES.find(([family]) => family.test(plain))?.[1] ?? { text: '-e -E -c --eval --execute' };
}

/** Whether an argument of an interpreter is a text to be run rather than a name. */
export function isScript(argument: string): boolean {
  return !/^[\w@%+:.,/~=-]*$/.test(argument);
}

/** The words of a script as shells would part them, far enough to see paths and URLs in it. */
export function wordsOf(script: string): string[] {
  return script.split(/[\s'"`;&|<>()]+/).filter((word) => word !== '');
}

/** The programs that a shell script runs, by name without folder, as far as their place shows them. */
export function programsOf(script: string): string[] {
  const bare = script.replace(/"(?:\\.|[^"\\])*"|'[^']*'/g, "''");
  const starts = bare.matchAll(
    /(?<=^|[;&|(){}`!\n]|\b(?:then|do|else|exec|time|env)\b)[ \t]*([\w./+-]+)(?![\w./+=)-])/g,
  );
  return [...starts].map(([, program = '']) => program.slice(program.lastIndexOf('/') + 1));
}

const FAMILIES: readonly (readonly [RegExp, Tool])[] = [
  [/^(.*sh|elvish|nu)$/, { text: '-c', takes: '-o -O --rcfile --init-file' }],
  [/py(thon)?$/, { text: '-c', takes: '-m -W -X' }],
  [/^perl$/, { text: '-e -E', takes: '-I -M -m' }],
  [/ruby$/, { text: '-e', takes: '-I -r -C' }],
  [/^(node|nodejs)$/, { text: '-e --eval -p --print -pe', takes: '-r --require --import --loader --env-file' }],
  [/^php/, { text: '-r -B -R -E', takes: '-d -c -f -t -z' }],
  [/^lua|texlua/, { text: '-e', takes: '-l' }],
  [
    /awk$/,
    {
      operands: 'text-then-files',
      instead: '-f --file',
      text: '-F --field-separator -v --assign -e --source',
      takes: '-f --file',
    },
  ],
];
