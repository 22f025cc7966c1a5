// Changes one operator or condition of a rule at a time, and runs the tests that ought to notice. A mutant that all of
// them let live is a gap in the tests, unless EXPLAINED says why it makes no difference. Exit 1 if there is a gap.
// Run: npm run mutate [area or rule …] [--every N]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..');
/** Rules, and the tests in this process that hold them. */
const AREAS = {
  policy: {
    sources: ['decision', 'evaluator', 'facts', 'observe', 'outline', 'request', 'slice'].map((one) => `policy/${one}`),
    tests: [
      ...['slice', 'observe', 'outline', 'request', 'facts', 'decision', 'evaluator', 'explanation', 'probes'].map(
        (one) => `policy/${one}.test.ts`,
      ),
      ...['flows/policy/check-batch.test.ts', 'policy/projection.property.test.ts'],
    ],
  },
  approvals: {
    sources: ['approval', 'book', 'grant', 'proposal', 'risk'].map((one) => `approvals/${one}`),
    tests: [
      ...namesIn('test/approvals', '.test.ts'),
      'store/state.test.ts',
      'flows/gate.test.ts',
      'flows/approvals.test.ts',
    ],
  },
  posture: {
    sources: namesIn('src/posture', '.ts').map((name) => name.slice(0, -3)),
    tests: ['posture/posture.test.ts', 'store/state.test.ts', 'flows/gate.test.ts'],
  },
  preflight: {
    sources: namesIn('src/sandbox/preflight', '.ts').map((name) => name.slice(0, -3)),
    tests: [
      'sandbox/sed-script.test.ts',
      'sandbox/hosts.test.ts',
      'approvals/risk.test.ts',
      'sandbox/preflight.test.ts',
    ],
  },
};
const SPEED = 'the same answer, sooner or later';
/** Mutants that make no difference, and why. */
const EXPLAINED = {
  'policy/evaluator: true → false   const GATE: Certain = { flat: true, attributes: new Set(ATTRIBUTES) };': SPEED,
  'policy/evaluator: > → >=   const slice = places.length * 2 > statics.length ? whole : sliceOf(places);': SPEED,
  'policy/evaluator: <= → <   if (key.length <= KEY_LENGTH) {': SPEED,
  'policy/evaluator: <= → <   return statics.length <= SMALL;': SPEED,
  'policy/evaluator: <= → <   return length <= READ_LENGTH;': SPEED,
  'sandbox/preflight/options: if ( → if (true ? false :   if (known !== undefined) return known;': SPEED,
  'sandbox/preflight/sed-script: < → <=   for (let at = start; at < script.length; at++) {':
    'nothing is behind the end',
  'policy/request: if ( → if (true ? false :   if (capabilities.length === 0) return capabilities;': SPEED,
};

function namesIn(folder, end) {
  return readdirSync(join(PACKAGE, folder))
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder.replace(/^\w+\//, ''), name));
}

/** One change each, outside of texts, patterns, comments and types. */
function mutantsOf(text) {
  const code = blank(text);
  const found = [];
  for (const [pattern, is] of CHANGES) {
    for (const { 0: was, index } of code.matchAll(pattern)) {
      const line = text.slice(0, index).split('\n').length;
      const row = text.split('\n')[line - 1].trim();
      found.push({
        text: text.slice(0, index) + is + text.slice(index + was.length),
        line,
        words: `${was.trim()} → ${is.trim() || 'nothing'}`,
        row,
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
  // whatever the condition says: never, and always
  [/\bif \(/g, 'if (true ? false : '],
  [/\bif \(/g, 'if (true ? true : '],
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

/** In a process of its own, which may be ended: answers each test file with whether it passes after a change. */
async function serve(copy) {
  const { createVitest } = await import('vitest/node');
  const vitest = await createVitest('test', {
    ...{ root: copy, config: false, watch: false, reporters: [{}] },
    ...{ pool: 'threads', maxWorkers: 1, bail: 1, testTimeout: 60_000 },
  });
  await vitest.standalone();
  process.on('message', async ({ test, changed }) => {
    vitest.invalidateFile(changed);
    const specifications = await vitest.globTestSpecifications([`test/${test}`]);
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
    const one = testModules.find(({ moduleId }) => moduleId.endsWith(test));
    process.send(one?.state() === 'passed' && unhandledErrors.length === 0);
  });
  process.once('disconnect', () => process.exit());
  process.send('ready');
}

async function main() {
  const every = words.includes('--every') ? Number(words[words.indexOf('--every') + 1]) : 1;
  const named = words.filter((word) => /^[a-z]/.test(word));
  for (const name of ['src', 'test', 'policies', 'package.json', 'tsconfig.json']) {
    cpSync(join(PACKAGE, name), join(copy, name), { recursive: true });
  }
  // the tests of these areas start no palyra, so nothing is built
  symlinkSync(join(PACKAGE, 'node_modules'), join(copy, 'node_modules'));
  for (const [area, { sources, tests }] of Object.entries(AREAS)) {
    const chosen = sources.filter((source) => named.length === 0 || named.includes(area) || named.includes(source));
    if (chosen.length > 0) await mutate(area, chosen, tests, every);
  }
}

async function mutate(area, sources, tests, every) {
  for (const test of tests) {
    const begun = performance.now();
    if (!(await passes(test, ''))) throw new Error(`test/${test} fails as it is`);
    usualMs.set(test, performance.now() - begun);
  }
  const count = { made: 0, explained: 0, alive: 0 };
  const started = performance.now();
  for (const source of sources) {
    const path = join(copy, 'src', `${source}.ts`);
    const text = readFileSync(path, 'utf8');
    const order = inOrder(tests, source);
    for (const mutant of mutantsOf(text).filter((_, n) => n % every === 0)) {
      writeFileSync(path, mutant.text);
      count.made++;
      if (!(await isNoticed(order, path))) tell(source, mutant, count);
      if (process.stderr.isTTY) process.stderr.write(`\r${area}: ${count.made} mutants, ${count.alive} alive `);
    }
    writeFileSync(path, text);
    // a runner that lets nothing pass any more would have noticed everything
    if (!(await passes(order[0], path))) throw new Error(`test/${order[0]} fails afterwards`);
  }
  const { made, explained, alive } = count;
  const seconds = ((performance.now() - started) / 1000 / made).toFixed(2);
  console.log(
    `${area}: ${made} mutants, ${made - explained - alive} killed, ${explained} explained, ${alive} alive; ${seconds} s each`,
  );
}

/** The test called like the rule first, then the quickest. */
function inOrder(tests, source) {
  const rank = (test) => (basename(test, '.test.ts') === basename(source) ? 0 : usualMs.get(test));
  return tests.toSorted((a, b) => rank(a) - rank(b));
}

/** Whether a test fails. */
async function isNoticed(tests, changed) {
  for (const test of tests) if (!(await passes(test, changed))) return true;
  return false;
}

/** Whether a test file passes after a change; one that ends its process, or takes many times as long, does not. */
async function passes(test, changed) {
  runner ??= await start();
  runner.send({ test, changed });
  const patience = AbortSignal.timeout(Math.round(5000 + 2 * (usualMs.get(test) ?? 60_000)));
  const signal = AbortSignal.any([runner.ended, patience]);
  const [answer] = await once(runner, 'message', { signal }).catch(() => []);
  if (answer !== undefined) return answer;
  runner.kill('SIGKILL');
  runner = undefined;
  return false;
}

async function start() {
  const started = fork(import.meta.filename, ['--serve', copy], { cwd: copy, stdio: 'ignore' });
  const ended = new AbortController();
  started.once('exit', () => ended.abort());
  await once(started, 'message');
  return Object.assign(started, { ended: ended.signal });
}

function tell(source, { line, words, row }, count) {
  const why = EXPLAINED[`${source}: ${words}   ${row}`];
  count[why === undefined ? 'alive' : 'explained']++;
  if (why === undefined) process.exitCode = 1;
  console.log(`${why === undefined ? 'alive' : `explained (${why})`}  src/${source}.ts:${line}  ${words}   ${row}`);
}

/** how long each test file takes while nothing is changed */
const usualMs = new Map();
let runner;
let copy;
const words = process.argv.slice(2);
if (words[0] === '--serve') await serve(words[1]);
else {
  copy = mkdtempSync(join(tmpdir(), 'palyra-mutate-'));
  process.once('SIGINT', () => process.exit(130));
  process.once('exit', () => {
    runner?.kill('SIGKILL');
    rmSync(copy, { recursive: true });
  });
  await main();
  process.exit();
}
