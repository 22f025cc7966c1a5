import type { Tool } from './tools.ts';

/** How an interpreter takes what it runs: `text` and what is no plain word is a program, the rest are files. */
export function interpreterRules(name: string): Tool {
  const plain = name.replace(/(?<=[a-z])[-._]?[0-9][0-9.]*$/, '');
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

const FAMILIES: readonly (readonly [RegExp, Tool])[] = [
  [/^(.*sh|elvish|nu)$/, { text: '-c', takes: '-o -O --rcfile --init-file' }],
  [/^(python|pypy|ipython)$/, { text: '-c', takes: '-m -W -X' }],
  [/^perl$/, { text: '-e -E', takes: '-I -M -m' }],
  [/^(ruby|jruby)$/, { text: '-e', takes: '-I -r -C' }],
  [/^(node|nodejs)$/, { text: '-e --eval -p --print -pe', takes: '-r --require --import --loader --env-file' }],
  [/^php/, { text: '-r -B -R -E', takes: '-d -c -f -t -z' }],
  [/^lua/, { text: '-e', takes: '-l' }],
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
