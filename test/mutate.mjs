// Changes one operator of a rule at a time, and runs the tests that ought to notice. A mutant that all of them let live
// is either a gap in the tests, or makes no difference; each is looked at. Run: npm run mutate [area …] [--every N]
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..');
/** Rules, and the tests in this process that hold them. */
const AREAS = {
  policy: {
    sources: ['decision', 'evaluator', 'facts', 'observe', 'outline', 'request', 'slice'].map((one) => `policy/${one}`),
    tests: ['policy', 'flows/check-batch.test.ts'],
  },
  approvals: {
    sources: ['approval', 'book', 'grant', 'proposal', 'risk'].map((one) => `approvals/${one}`),
    tests: ['approvals', 'flows/approvals.test.ts', 'flows/gate.test.ts'],
  },
  posture: { sources: readNames('posture'), tests: ['posture', 'flows/gate.test.ts'] },
  preflight: { sources: readNames('sandbox/preflight'), tests: ['sandbox/preflight.test.ts', 'sandbox/hosts.test.ts'] },
};

function readNames(folder) {
  return readdirSync(join(PACKAGE, 'src', folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.slice(0, -3)}`);
}

function passes(tests) {
  const { status } = spawnSync('npx', ['vitest', 'run', ...tests.map((one) => `test/${one}`)], {
    cwd: copy,
    stdio: 'ignore',
    timeout: 120_000,
  });
  return status === 0;
}

/** One change each, outside of texts, patterns, comments and types. */
function mutantsOf(text) {
  const code = blank(text);
  const found = [];
  for (const [pattern, becomes] of CHANGES) {
    for (const { 0: was, index } of code.matchAll(pattern)) {
      const line = text.slice(0, index).split('\n').length;
      const row = text.split('\n')[line - 1].trim();
      const is = was.replace(pattern, becomes);
      found.push({
        text: text.slice(0, index) + is + text.slice(index + was.length),
        line,
        words: `${was.trim()} → ${is.trim() || 'nothing'}   ${row}`,
      });
    }
  }
  return found;
}

const CHANGES = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ < /g, ' <= '],
  [/ > /g, ' >= '],
  [/ <= /g, ' < '],
  [/ >= /g, ' > '],
  [/ \+ 1\b/g, ''],
  [/ - 1\b/g, ''],
  [/(?<=[(\s])!(?=[\w(])/g, ''],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/\.some\(/g, '.every('],
  [/\.every\(/g, '.some('],
];

/** The same text with blanks in place of texts, patterns, comments, and lines that only say types. */
function blank(text) {
  const pieces =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/(?![*/ ])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;
  return text
    .replace(pieces, (piece) => piece.replace(/[^\n]/g, ' '))
    .replace(
      /^(?:export )?(?:type|interface|import)\b[^\n]*|^ {2}readonly [^\n]*|=>(?= (?:boolean|string|void))/gm,
      (row) => row.replace(/[^\n]/g, ' '),
    );
}

const words = process.argv.slice(2);
const every = words.includes('--every') ? Number(words[words.indexOf('--every') + 1]) : 1;
const areas = Object.keys(AREAS).filter((name) => words.includes(name));
const copy = mkdtempSync(join(tmpdir(), 'palyra-mutate-'));
for (const name of ['src', 'test', 'policies', 'package.json', 'tsconfig.json']) {
  cpSync(join(PACKAGE, name), join(copy, name), { recursive: true });
}
// the tests of these areas start no palyra, so nothing is built
writeFileSync(join(copy, 'vitest.config.mjs'), 'export default { test: { testTimeout: 60000, bail: 1 } };\n');
symlinkSync(join(PACKAGE, 'node_modules'), join(copy, 'node_modules'));
symlinkSync(join(PACKAGE, 'dist'), join(copy, 'dist'));

let made = 0;
const alive = [];
for (const area of areas.length === 0 ? Object.keys(AREAS) : areas) {
  const { sources, tests } = AREAS[area];
  if (!passes(tests)) throw new Error(`the tests of ${area} fail as they are`);
  for (const source of sources) {
    const path = join(copy, 'src', `${source}.ts`);
    const text = readFileSync(path, 'utf8');
    for (const mutant of mutantsOf(text).filter((_, n) => n % every === 0)) {
      writeFileSync(path, mutant.text);
      made++;
      if (passes(tests)) alive.push(`src/${source}.ts:${mutant.line}  ${mutant.words}`);
      process.stderr.write(`\r${area}: ${made} mutants, ${alive.length} alive `);
    }
    writeFileSync(path, text);
  }
}
rmSync(copy, { recursive: true });
process.stderr.write('\r');
for (const one of alive) console.log(one);
console.log(`${made} mutants, ${made - alive.length} killed, ${alive.length} alive`);
