// Approvals: the list with 10,000 in history; request and claim against the floor of two durable appends, with an empty
// and with a long history; how soon a waiter wakes; what idle watching costs. Run: npm run bench approvals
import { spawn } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { inTurn, median, wall } from './measure.mjs';

const PACKAGE = join(import.meta.dirname, '../..');
const PALYRA = join(PACKAGE, 'bin/palyra.js');
const BUNDLE = join(PACKAGE, 'node_modules/.palyra-bench-approvals.mjs');
const HISTORY = 10_000;
const home = mkdtempSync(join(tmpdir(), 'palyra-bench-'));
const env = { PATH: process.env.PATH, HOME: home };
const {
  openTestDesk,
  openState,
  proposeCall,
  requestApproval,
  settleApproval,
  claimApproval,
  awaitDecision,
  pendingOf,
  seal,
} = await load();

const proposal = proposeCall('palyra.http.fetch');
for (const history of [0, HISTORY]) {
  const desk = await openTestDesk({ store: openState(join(home, String(history))) });
  desk.clock = Date.now;
  await fill(desk.store, history);
  const { floor, empty, way } = await inTurn(
    { floor: appendTwice, empty: async () => await transactTwice(desk.store), way: async () => await passOnce(desk) },
    25,
  );
  console.log(`request + claim, ${history} in history   ${ms(way)}`);
  console.log(
    `  ${(way / empty).toFixed(1)} times two empty transactions (${ms(empty)}), ${(way / floor).toFixed(1)} times two durable appends (${ms(floor)})`,
  );
}

const root = join(home, String(HISTORY));
const { node, list, pending } = await inTurn(
  {
    node: async () => wall([process.execPath, '-e', '0'], { env }),
    list: async () => wall([process.execPath, PALYRA, 'approvals', 'list', '--state-root', root], { env }),
    pending: async () =>
      wall([process.execPath, PALYRA, 'approvals', 'list', '--decision', 'pending', '--state-root', root], { env }),
  },
  7,
);
console.log(
  `approvals list, ${HISTORY} in history   ${ms(list)}   those that wait ${ms(pending)}   bare node ${ms(node)}`,
);

const woken = [];
for (let i = 0; i < 15; i++) woken.push(await wakeOnce());
console.log(`a waiter wakes ${ms(median(woken))} after the answer is durable, at most ${ms(Math.max(...woken))}`);
console.log(`approvals watch, idle for 10 s: ${await idleCpu()} ms of CPU`);
rmSync(home, { recursive: true });
rmSync(BUNDLE);

async function passOnce(desk) {
  const { answer } = await timed(() => requestApproval(desk, proposal, 900_000));
  const { approval_id: id, request_sha256: digest } = answer.value.approval;
  await settleApproval(desk, id, { decision: 'allow', scope: 'once', digest });
  const claimed = await timed(() => claimApproval(desk, id, { payload: proposal.payload }));
  return answer.ms + claimed.answer.ms;
}

async function timed(work) {
  const start = performance.now();
  const { answer } = await work();
  return { answer: { value: answer, ms: performance.now() - start } };
}

/** What nobody can do without: two records of this size, each on stable storage. */
function appendTwice() {
  const fd = openSync(join(home, 'floor'), 'a');
  const start = performance.now();
  for (let i = 0; i < 2; i++) {
    writeSync(fd, Buffer.alloc(2000, 0x20));
    fdatasyncSync(fd);
  }
  closeSync(fd);
  return performance.now() - start;
}

/** Two transactions that say something and change nothing: lock, checkpoint and journal. */
async function transactTwice(store) {
  const actor = { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' };
  const entries = [{ timeUnixMs: 1_800_000_000_000, actor, kind: 'bench', payload: {} }];
  const start = performance.now();
  for (let i = 0; i < 2; i++) await store.transact([], () => ({ answer: null, entries }));
  return performance.now() - start;
}

/** Answered approvals as the journal would hold them, some at a time. */
async function fill(store, count) {
  const actor = { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' };
  const call = seal(proposal);
  for (let from = 0; from < count; from += 200) {
    const entries = [];
    for (let i = from; i < from + 200; i++) {
      const id = `01J${String(i).padStart(23, '0')}`;
      const changes = { decision: 'deny', decided_by: 'user:oncall', resolved_at_unix_ms: 1_800_000_000_000 };
      const entry = (kind, payload) => entries.push({ timeUnixMs: 1_800_000_000_000, actor, kind, payload });
      entry('approval.request', { approval: pendingOf(call, id) });
      entry('approval.resolve', { approval_id: id, changes });
    }
    await store.transact([], () => ({ answer: null, entries }));
  }
}

async function wakeOnce() {
  const store = openState(root);
  const desk = await openTestDesk({ store });
  desk.clock = Date.now;
  const { answer } = await requestApproval(desk, proposal, 900_000);
  let woke = 0;
  const waiting = awaitDecision({ store: openState(root), clock: Date.now }, answer.approval.approval_id, 60_000).then(
    () => {
      woke = performance.now();
    },
  );
  await sleep(100);
  const { approval_id: id, request_sha256: digest } = answer.approval;
  await settleApproval(desk, id, { decision: 'allow', scope: 'once', digest });
  const durable = performance.now();
  await waiting;
  return Math.max(0, woke - durable);
}

async function idleCpu() {
  const child = spawn(process.execPath, [PALYRA, 'approvals', 'watch', '--state-root', root], { env, stdio: 'ignore' });
  await sleep(1500);
  const before = ticks(child.pid);
  await sleep(10_000);
  const used = ticks(child.pid) - before;
  child.kill();
  return used * 10;
}

/** User and system time, in hundredths of a second. */
function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function ms(value) {
  return `${value.toFixed(1)} ms`;
}

async function load() {
  mkdirSync(join(home, '.config/palyra'), { recursive: true });
  writeFileSync(join(home, '.config/palyra/palyra.toml'), '[tool_call]\nallowed_tools = ["palyra.http.fetch"]\n');
  const from = (path, names) => `export { ${names} } from './${path}';\n`;
  await build({
    stdin: {
      contents:
        from('test/flows/gate-desk.ts', 'openTestDesk, openState') +
        from('test/approvals/samples.ts', 'proposeCall, pendingOf, seal') +
        from('src/flows/request-approval.ts', 'requestApproval') +
        from('src/flows/settle-approval.ts', 'settleApproval') +
        from('src/flows/claim-approval.ts', 'claimApproval') +
        from('src/flows/follow-approvals.ts', 'awaitDecision'),
      resolveDir: PACKAGE,
      loader: 'ts',
    },
    outfile: BUNDLE,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['@cedar-policy/cedar-wasm'],
    define: { 'import.meta.dirname': JSON.stringify(join(PACKAGE, 'test')) },
    banner: {
      js: "import { createRequire as benchRequire } from 'node:module'; const require = benchRequire(import.meta.url);",
    },
  });
  return await import(pathToFileURL(BUNDLE).href);
}
