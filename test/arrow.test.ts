import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What each room may import from, besides itself and the words at the top of src. */
const RULES = ['policy', 'posture', 'access', 'approvals', 'sandbox', 'journal', 'config'];
const ARROW: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(RULES.map((room) => [room, RULES])),
  store: RULES,
  flows: [...RULES, 'store'],
  adapters: [...RULES, 'store'],
  cli: [...RULES, 'store', 'flows'],
};

/** One package, one door: the only places that may import it. Types cost nothing and pass. */
const DOORS: Readonly<Record<string, RegExp>> = {
  commander: /^cli\//,
  chalk: /^cli\/color\.ts$/,
  'cli-table3': /^cli\/table\.ts$/,
  inquirer: /^cli\/prompt/,
  '@bomb.sh/tab': /^cli\/commands\/completion\.ts$/,
  '@bomb.sh/tab/commander': /^cli\/commands\/completion\.ts$/,
  '@cedar-policy/cedar-wasm/nodejs': /^adapters\/cedar\//,
  lowdb: /^adapters\/state\/lowdb-store\.ts$/,
  'smol-toml': /^config\/palyra-toml\.ts$/,
  yaml: /^config\/|^policy\//,
};

/** Packages that a command must load only when it needs them. */
const COSTLY = [
  'chalk',
  'cli-table3',
  'inquirer',
  'lowdb',
  '@cedar-policy/cedar-wasm/nodejs',
  '@bomb.sh/tab',
  '@bomb.sh/tab/commander',
  'yaml',
];

/** Of Node's own modules, those that compute and touch nothing. */
const PURE = ['node:crypto', 'node:path'];

interface Import {
  readonly target: string;
  readonly isType: boolean;
  readonly isLazy: boolean;
}

function sourceFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statics = [...code.matchAll(/^(?:import|export)\s+(type\s)?[^'";]*?\sfrom\s+'([^']+)'/gm)].map(
    ([, type, target = '']) => ({ target, isType: type !== undefined, isLazy: false }),
  );
  const bare = [...code.matchAll(/^import\s+'([^']+)'/gm)].map(([, target = '']) => ({
    target,
    isType: false,
    isLazy: false,
  }));
  const lazy = [...code.matchAll(/\bimport\('([^']+)'\)/g)].map(([, target = '']) => ({
    target,
    isType: false,
    isLazy: true,
  }));
  return [...statics, ...bare, ...lazy];
}

/** Everything in a tree that breaks a rule of the house, in words. */
function violations(root: string): string[] {
  const found: string[] = [];
  for (const file of sourceFiles(root)) {
    const text = readFileSync(join(root, file), 'utf8');
    const room = file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
    for (const { target, isType, isLazy } of importsOf(text)) {
      if (target.startsWith('.')) {
        const path = relative(root, resolve(dirname(join(root, file)), target));
        const to = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
        // the words at the top, and data outside src
        if (to === room || to === '' || to === '..') continue;
        const isWorld = file === 'cli/world.ts' && to === 'adapters' && (isLazy || isType);
        if (!(ARROW[room] ?? []).includes(to) && !isWorld) found.push(`${file} imports ${path}`);
        continue;
      }
      const door = DOORS[target];
      if (!isType && door !== undefined && !door.test(file)) found.push(`${file} imports ${target}`);
      if (!isType && door === undefined && !target.startsWith('node:'))
        found.push(`${file} imports ${target}, which has no door`);
      if (!isType && !isLazy && COSTLY.includes(target) && room === 'cli')
        found.push(`${file} loads ${target} at once`);
      const isInner = room !== 'cli' && room !== 'adapters';
      if (!isType && isInner && target.startsWith('node:') && !PURE.includes(target))
        found.push(`${file} imports ${target}`);
    }
    if (room === 'cli' || room === 'adapters') continue;
    // comments and texts, whichever begins first
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`/gm, "''");
    for (const word of ['process.', 'console.', 'Date.now', 'new Date()', 'Math.random', 'randomBytes', 'randomUUID']) {
      if (code.includes(word)) found.push(`${file} mentions ${word}`);
    }
  }
  return found;
}

describe('the house', () => {
  const src = join(import.meta.dirname, '../src');

  test('a folder imports only what the arrow allows, a package has one door, and rules do not touch the world', () => {
    expect(sourceFiles(src).length).toBeGreaterThan(40);
    expect(violations(src)).toEqual([]);
  });

  test('each planted violation is found', () => {
    const root = mkdtempSync(join(tmpdir(), 'arrow-'));
    const planted: Readonly<Record<string, string>> = {
      'policy/a.ts': "import { x } from '../flows/b.ts';\n",
      'flows/b.ts': "import { x } from '../adapters/c.ts';\n",
      'store/c.ts': "import { readFileSync } from 'node:fs';\n",
      'cli/d.ts': "import { x } from '../adapters/c.ts';\n",
      'cli/world.ts': "import { x } from '../adapters/c.ts';\n",
      'cli/e.ts': "import chalk from 'chalk';\n",
      'cli/f.ts': "import { low } from 'lowdb';\n",
      'cli/g.ts': "import left from 'left-pad';\n",
      'cli/table.ts': "import Table from 'cli-table3';\n",
      'access/h.ts': 'export const now = () => Date.now();\n',
      'flows/i.ts': 'export const log = () => console.log(1);\n',
      'journal/j.ts': 'export const home = () => process.cwd();\n',
      'adapters/k.ts': "import { x } from '../cli/main.ts';\n",
    };
    for (const [file, text] of Object.entries(planted)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    expect(violations(root)).toEqual([
      'access/h.ts mentions Date.now',
      'adapters/k.ts imports cli/main.ts',
      'cli/d.ts imports adapters/c.ts',
      'cli/e.ts imports chalk',
      'cli/e.ts loads chalk at once',
      'cli/f.ts imports lowdb',
      'cli/f.ts loads lowdb at once',
      'cli/g.ts imports left-pad, which has no door',
      'cli/table.ts loads cli-table3 at once',
      'cli/world.ts imports adapters/c.ts',
      'flows/b.ts imports adapters/c.ts',
      'flows/i.ts mentions console.',
      'journal/j.ts mentions process.',
      'policy/a.ts imports flows/b.ts',
      'store/c.ts imports node:fs',
    ]);
  });
});
