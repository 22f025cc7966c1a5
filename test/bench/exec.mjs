// One contained command through the whole of `palyra exec`, journal included, against what anybody would put together:
// a Node process that decides once with cedar-wasm as its package documents it, and bare bwrap; and beside srt, the
// sandbox of another maker, both on the Node that srt needs. Run: npm run bench exec
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurn } from './measure.mjs';

const RUNS = 15;
const PALYRA = new URL('../../bin/palyra.js', import.meta.url).pathname;
const POLICIES = readFileSync(new URL('../../policies/baseline.cedar', import.meta.url), 'utf8');
const CEDAR = createRequire(import.meta.url).resolve('@cedar-policy/cedar-wasm/nodejs');
const home = mkdtempSync('/tmp/palyra-bench-');
const workspace = join(home, 'work');
// certificates that Node is told to add are read at each start, by both
const { NODE_EXTRA_CA_CERTS: _, ...env } = { ...process.env, HOME: home };

mkdirSync(workspace);
if (process.getuid?.() === 0) {
  spawnSync('chmod', ['755', home]);
  chownSync(workspace, 65534, 65534);
}
writeFileSync(
  join(home, 'decide.cjs'),
  `const cedar = require(${JSON.stringify(CEDAR)});
cedar.preparsePolicySet('baseline', { staticPolicies: ${JSON.stringify(POLICIES)} });
const answer = cedar.statefulIsAuthorized({
  principal: { type: 'Principal', id: 'user:ops' }, action: { type: 'Action', id: 'vault.put' },
  resource: { type: 'Resource', id: 'vault:deploy' }, entities: [], preparsedPolicySetId: 'baseline',
  context: { is_sensitive_action: false, allow_sensitive_tools: false },
});
process.exitCode = answer.response.decision === 'allow' ? 0 : 1;
`,
);
const service = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
await new Promise((resolve) => service.once('listening', resolve));
const config = (name, lines) => {
  const path = join(home, `${name}.toml`);
  const runner = ['enabled = true', 'allowed_executables = ["*"]', ...lines].join('\n');
  writeFileSync(path, `[tool_call]\nallowed_tools = ["palyra.process.run"]\n[tool_call.process_runner]\n${runner}\n`);
  return ['--config', path];
};
const plain = config('plain', []);
const proxied = config('proxied', [`allowed_egress_hosts = ["127.0.0.1:${service.address().port}"]`]);
const tierB = config('b', ['tier = "b"', 'egress_enforcement_mode = "none"']);

const newer = installNewer();
palyra(process.execPath, ...plain, 'posture', 'set', 'palyra.process.run', 'always_allow');
const ways = {
  'cedar-wasm and bare bwrap': () => {
    run(process.execPath, [join(home, 'decide.cjs')]);
    run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '/bin/true']);
  },
  'tier c, strict': () => palyra(process.execPath, ...plain, 'exec', '--', '/bin/true'),
  'tier c, strict, one host': () => palyra(process.execPath, ...proxied, 'exec', '--', '/bin/true'),
  'tier b': () => palyra(process.execPath, ...tierB, 'exec', '--', '/bin/true'),
  ...(newer === undefined
    ? {}
    : {
        'srt, Node 24': () => run(newer.node, [newer.srt, '/bin/true']),
        'tier c, strict, Node 24': () => palyra(newer.node, ...plain, 'exec', '--', '/bin/true'),
        'the same, one host, Node 24': () => palyra(newer.node, ...proxied, 'exec', '--', '/bin/true'),
      }),
};
const ms = await inTurn(Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, () => timed(way)])), RUNS);
const base = ms['cedar-wasm and bare bwrap'];
console.log(`/bin/true, wall, median of ${RUNS} interleaved`);
for (const [name, median] of Object.entries(ms)) {
  console.log(`${name.padEnd(30)}${median.toFixed(0).padStart(5)} ms   ${(median / base).toFixed(2)}`);
}
if (newer === undefined) console.log('srt could not be installed, so there is no row for it');
console.log(`peak memory of palyra while a command runs: ${await peakMib()} MiB`);
service.close();
rmSync(home, { recursive: true });

function run(file, args) {
  const { status, stderr } = spawnSync(file, args, { cwd: workspace, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${status} ${stderr}`);
}

function palyra(node, ...args) {
  run(node, [PALYRA, ...args]);
}

function timed(way) {
  const before = performance.now();
  way();
  return performance.now() - before;
}

/** srt and a Node that it runs on; undefined where they cannot be had. */
function installNewer() {
  const packages = ['node@24', '@anthropic-ai/sandbox-runtime'];
  spawnSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', home, ...packages], { cwd: home });
  const node = join(home, 'node_modules/node/bin/node');
  const srt = join(home, 'node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js');
  return existsSync(node) && existsSync(srt) ? { node, srt } : undefined;
}

async function peakMib() {
  const child = spawn(process.execPath, [PALYRA, ...plain, 'exec', '--', 'sleep', '1'], { cwd: workspace, env });
  await sleep(900);
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  await new Promise((resolve) => child.once('exit', resolve));
  return Math.round(Number(peak) / 1024);
}
