// What all tests together run of the rules and the flows: in vitest's own process, and in each palyra that a test starts.
// Run: npm run coverage [test …]. It ends with 1 if a part is below the floor.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import { convert } from 'ast-v8-to-istanbul';
import { parseAstAsync } from 'vitest/node';

const PACKAGE = join(import.meta.dirname, '..');
const FLOOR = 90;
const BATCH = 50;
/** Of src; '.' are the words that everyone shares. */
const PARTS = ['access', 'approvals', 'config', 'flows', 'journal', 'policy', 'posture', 'sandbox', '.'];

const folder = mkdtempSync(join(tmpdir(), 'palyra-coverage-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const [maps, processes, own] = ['maps', 'processes', 'own'].map((name) => join(folder, name));
/** The palyra that users run, and the programs that tests make of the sources. */
const OURS = [join(PACKAGE, 'dist'), maps];
for (const one of [maps, processes]) mkdirSync(one);
// tests start palyra as other users, too
for (const one of [folder, processes]) chmodSync(one, 0o777);

const tests = runTests();
const ranInProcesses = await readProcesses();
const ranInVitest = Object.values(JSON.parse(readFileSync(join(own, 'coverage-final.json'), 'utf8')));
spawnSync(process.execPath, ['build.mjs'], { cwd: PACKAGE, stdio: 'inherit' });

const files = count(ranInVitest, ranInProcesses);
const low = PARTS.filter((part) => !say(part));
if (tests !== 0) console.log('some tests failed: what is missing above may be theirs');
if (low.length > 0) console.log(`below ${FLOOR} %: ${low.join(', ')}`);
process.exitCode = tests === 0 && low.length === 0 ? 0 : 1;

function runTests() {
  const coverage = ['enabled', 'provider=v8', 'reporter=json', `reportsDirectory=${own}`, 'reportOnFailure'];
  const { status } = spawnSync(
    'npx',
    [
      'vitest',
      'run',
      ...coverage.map((one) => `--coverage.${one}`),
      '--coverage.include=src/**/*.ts',
      ...process.argv.slice(2),
    ],
    { cwd: PACKAGE, stdio: 'inherit', env: { ...process.env, PALYRA_COVERAGE: processes, PALYRA_COVERAGE_MAPS: maps } },
  );
  return status;
}

/** What the palyras ran, merged a batch at a time: there are thousands. */
async function readProcesses() {
  let merged = { result: [] };
  const names = readdirSync(processes);
  for (let n = 0; n < names.length; n += BATCH) {
    const batch = names.slice(n, n + BATCH).flatMap((name) => readOurs(join(processes, name)));
    merged = mergeProcessCovs([merged, ...batch]);
  }
  console.log(`${names.length} processes`);
  return (await Promise.all(merged.result.map(toSources))).flat();
}

function readOurs(path) {
  try {
    const { result } = JSON.parse(readFileSync(path, 'utf8'));
    return [{ result: result.filter(({ url }) => OURS.some((one) => url.startsWith(`${pathToFileURL(one)}/`))) }];
  } catch (error) {
    // killed while it wrote
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

async function toSources(script) {
  const path = fileURLToPath(script.url);
  const code = readFileSync(path, 'utf8');
  const sourceMap = JSON.parse(readFileSync(join(maps, `${basename(path)}.map`), 'utf8'));
  sourceMap.sources = sourceMap.sources.map((one) => join(dirname(path), one));
  return Object.values(await convert({ code, ast: await parseAstAsync(code), sourceMap, coverage: script }));
}

/**
 * What there is to run is as vitest sees it, which knows every file. A line was run if either ran it; a way of a branch
 * likewise, where both see that branch, the n-th of its kind, begin on the same line: they do but for a few `else if`.
 */
function count(ranInVitest, ranInProcesses) {
  const counted = new Map(ranInVitest.map((report) => [nameOf(report), waysOf(report)]));
  for (const report of ranInProcesses) {
    const into = counted.get(nameOf(report));
    const { lines, ways } = waysOf(report);
    for (const [key, times] of lines) if (into?.lines.has(key)) add(into.lines, key, times);
    for (const [key, times] of ways) if (into?.ways.has(key)) add(into.ways, key, times);
  }
  return counted;
}

function nameOf({ path }) {
  return relative(join(PACKAGE, 'src'), path);
}

function waysOf({ statementMap, s, branchMap, b }) {
  const [lines, ways, seen] = [new Map(), new Map(), new Map()];
  for (const [id, { start }] of Object.entries(statementMap)) add(lines, start.line, s[id]);
  for (const [id, { type, loc }] of Object.entries(branchMap)) {
    const place = `${loc.start.line}:${type}`;
    add(seen, place, 1);
    for (const [way, times] of b[id].entries()) add(ways, `${place}:${seen.get(place)}:${way}`, times);
  }
  return { lines, ways };
}

function add(map, key, times) {
  map.set(key, (map.get(key) ?? 0) + times);
}

/** A part in a table; whether it is at or above the floor. */
function say(part) {
  const inside = [...files].filter(([name]) => (part === '.' ? !name.includes('/') : name.startsWith(`${part}/`)));
  const rows = inside.filter(([, { lines }]) => lines.size > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = rateOf(rows.flatMap(([, file]) => [...file.lines.values()]));
  const ways = rateOf(rows.flatMap(([, file]) => [...file.ways.values()]));
  console.log(`\n${'lines'.padStart(7)}${'branches'.padStart(10)}  never run`);
  console.log(`${toText(lines, 7)}${toText(ways, 10)}  src/${part}`);
  for (const [name, file] of rows) {
    const never = [...missed(file.lines).map(Number), ...missed(file.ways).map((key) => Number.parseInt(key, 10))];
    const rates = toText(rateOf([...file.lines.values()]), 7) + toText(rateOf([...file.ways.values()]), 10);
    console.log(`${rates}    ${name}  ${[...new Set(never)].sort((a, b) => a - b).join(' ')}`);
  }
  return lines >= FLOOR && ways >= FLOOR;
}

function missed(counts) {
  return [...counts].filter(([, times]) => times === 0).map(([key]) => key);
}

/** Percent; nothing to run is all of it. */
function rateOf(counts) {
  return counts.length === 0 ? 100 : (100 * counts.filter((times) => times > 0).length) / counts.length;
}

function toText(rate, width) {
  return rate.toFixed(1).padStart(width);
}
