// How much faster the evaluator answers a batch of the gate's requests than asking Cedar for each, and what many
// policies cost a single check. Run: node test/bench/evaluator.mjs [baseline.cedar]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const bundle = await build({
  stdin: {
    contents: `export { openCedar } from './src/adapters/cedar/cedar.ts'; export { openEvaluator } from './src/policy/evaluator.ts'; export { namePolicies, splitPolicies } from './src/policy/source.ts';`,
    resolveDir: process.cwd(),
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
  external: ['@cedar-policy/*', 'node:*'],
  define: { 'import.meta.url': JSON.stringify(import.meta.url) },
});
const { openCedar, openEvaluator, namePolicies, splitPolicies } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].text).toString('base64')}`
);

const REQUESTS = 100_000;
const baseline = [readFileSync(process.argv[2] ?? 'policies/baseline.cedar', 'utf8')];
const tool = (n) => `palyra.tool.${n % 30}`;
const SHAPES = {
  'tool in the resource': (n) =>
    `@id("op${n}")\nforbid (principal, action == Action::"tool.execute", resource == Resource::"tool:palyra.tool.${n}")\nwhen { context.channel == "discord:4" };`,
  'tool in a when': (n) =>
    `@id("op${n}")\nforbid (principal, action == Action::"tool.execute", resource)\nwhen { context.tool_name == "palyra.tool.${n}" && context.channel == "discord:4" };`,
  'tool in a when, reversed': (n) =>
    `@id("op${n}")\nforbid (principal, action == Action::"tool.execute", resource)\nwhen { "palyra.tool.${n}" == context.tool_name && context.channel == "discord:4" };`,
};

const lines = Array.from({ length: REQUESTS }, (_, n) => JSON.stringify(request(n)));
measureBatch('baseline', baseline, 4000);
for (const [shape, write] of Object.entries(SHAPES)) {
  const mixed = (n) =>
    n % 100 === 0
      ? `@id("op${n}")\nforbid (principal == Principal::"user:${n % 50}", action, resource) when { context.is_sensitive_action };`
      : write(n);
  measureBatch(`1,000 operator policies, ${shape}`, [...baseline, ...many(1000, mixed)], 300);
  const few = measureSingle([...baseline, write(0)]);
  const all = measureSingle([...baseline, ...many(10_000, write)]);
  console.log(
    `  10,000 policies, one check: ${all.first.toFixed(0)} ms against ${few.first.toFixed(0)} ms; the next 20: ${all.next.toFixed(1)} ms each`,
  );
}

function measureBatch(name, policies, plainRequests) {
  const cedar = openCedar();
  const start = performance.now();
  const evaluator = openEvaluator(cedar, 'gate', read(policies));
  const decisions = [];
  for (let n = 0; n < REQUESTS; n++) {
    const answer = evaluator.evaluate(JSON.parse(lines[n]));
    decisions.push(answer.decision);
    JSON.stringify(answer);
  }
  const ours = REQUESTS / (performance.now() - start);
  const plain = measurePlain(policies, plainRequests, decisions);
  console.log(
    `${name}: ${(ours * 1000).toFixed(0)} requests/s, a plain loop ${(plain * 1000).toFixed(0)}: × ${(ours / plain).toFixed(0)}`,
  );
}

function measurePlain(policies, count, decisions) {
  const cedar = require('@cedar-policy/cedar-wasm/nodejs');
  cedar.preparsePolicySet('plain', { staticPolicies: policies.join('\n') });
  const start = performance.now();
  for (let n = 0; n < count; n++) {
    const context = JSON.parse(lines[n]);
    const uids = [
      ['Principal', context.principal],
      ['Action', context.action],
      ['Resource', context.resource],
      ['Tool', context.tool_name],
      ['Channel', context.channel],
    ].map(([type, id]) => ({ type, id }));
    const answer = cedar.statefulIsAuthorized({
      preparsedPolicySetId: 'plain',
      principal: uids[0],
      action: uids[1],
      resource: uids[2],
      context,
      entities: uids.map((uid) => ({ uid, attrs: {}, parents: [] })),
    });
    JSON.stringify(answer);
    if (answer.response.decision !== decisions[n]) throw new Error(`request ${n} is answered otherwise`);
  }
  return count / (performance.now() - start);
}

function measureSingle(policies) {
  const cedar = openCedar();
  const start = performance.now();
  const evaluator = openEvaluator(cedar, 'gate', read(policies));
  evaluator.evaluate(request(0));
  const first = performance.now() - start;
  const again = performance.now();
  for (let n = 1; n <= 20; n++) evaluator.evaluate(request(n));
  return { first, next: (performance.now() - again) / 20 };
}

function read(texts) {
  return namePolicies(splitPolicies(texts.join('\n'), 'bench.cedar'));
}

function many(count, write) {
  return Array.from({ length: count }, (_, n) => write(n));
}

function request(n) {
  const chosen = (n * 7919) % 7500;
  const executes = n % 4 !== 0;
  return {
    action: executes ? 'tool.execute' : ['cron.list', 'memory.purge', 'vault.get', 'nobody.knows'][(n >> 2) % 4],
    resource: executes ? `tool:${tool(chosen)}` : 'resource:any',
    principal: `user:${chosen % 50}`,
    device_id: `device-${chosen % 50}`,
    channel: `discord:${Math.floor(chosen / 1500)}`,
    session_id: `session-${n}`,
    run_id: `run-${n}`,
    tool_name: tool(chosen),
    skill_id: '',
    capabilities: ['process_exec'],
    is_sensitive_action: n % 8 === 0,
    is_allowlisted_tool: chosen % 3 === 0,
    is_allowlisted_skill: false,
    is_tool_execute_principal_allowed: true,
    is_tool_execute_channel_allowed: chosen % 5 !== 0,
    allow_sensitive_tools: n % 16 === 0,
  };
}
