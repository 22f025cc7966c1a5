// One contained command through the whole of `palyra exec`, journal included, against what anybody would put together:
// a Node process that decides once with cedar-wasm as its package documents it, and bare bwrap. Run: node build.mjs first.
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

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

const run = (file, args) => {
  const { status, stderr } = spawnSync(file, args, { cwd: workspace, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${status} ${stderr}`);
};
const palyra = (...args) => run(process.execPath, [PALYRA, ...args]);
const ways = {
  'cedar-wasm and bare bwrap': () => {
    run(process.execPath, [join(home, 'decide.cjs')]);
    run('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '/bin/true']);
  },
  'tier c, strict': () => palyra(...plain, 'exec', '--', '/bin/true'),
  'tier c, strict, one host': () => palyra(...proxied, 'exec', '--', '/bin/true'),
  'tier b': () => palyra(...tierB, 'exec', '--', '/bin/true'),
};

palyra(...plain, 'posture', 'set', 'palyra.process.run', 'always_allow');
const times = Object.keys(ways).map(() => []);
for (let turn = 0; turn <= RUNS; turn++) {
  Object.values(ways).forEach((way, i) => {
    const before = performance.now();
    way();
    // the first turn warms the disk's cache
    if (turn > 0) times[i].push(performance.now() - before);
  });
}
service.close();
rmSync(home, { recursive: true });

const [base, ...others] = times.map((all) => all.sort((a, b) => a - b)[Math.floor(RUNS / 2)]);
console.log(`/bin/true, wall, median of ${RUNS} interleaved (node ${process.version})`);
Object.keys(ways).forEach((name, i) => {
  const median = i === 0 ? base : others[i - 1];
  console.log(`${name.padEnd(28)}${median.toFixed(0).padStart(5)} ms   ${(median / base).toFixed(2)}`);
});
