// The baseline's nine rules in other engines, microseconds a decision in one process: casbin, @casl/ability, Cedar as its
// README says, and palyra's evaluator, over the same requests.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createMongoAbility } from '@casl/ability';
import { newEnforcer, newModelFromString } from 'casbin';
import { build } from 'esbuild';
import { inTurn } from './measure.mjs';

const PACKAGE = join(import.meta.dirname, '../..');
const baseline = readFileSync(join(PACKAGE, 'policies/baseline.cedar'), 'utf8');
// what the baseline permits by action alone, read from the policies themselves
const ALWAYS = [...baseline.matchAll(/Action::"([^"]+)"/g)]
  .map(([, action]) => action)
  .filter((action) => !action.endsWith('.execute'));
const requests = Array.from({ length: 3000 }, (_, n) => ({
  action: n % 3 === 0 ? 'tool.execute' : n % 7 === 0 ? 'skill.execute' : ALWAYS[n % ALWAYS.length],
  principal: `user:p${n % 50}`,
  resource: `tool:t${n % 30}`,
  sensitive: n % 11 === 0,
  tool: n % 2 === 0,
  skill: n % 2 === 1,
}));

const engines = {
  '@casl/ability': casl(),
  casbin: await casbin(),
  'cedar-wasm as documented': cedar(),
  "palyra's evaluator": await palyra(),
};
const micros = await inTurn(
  Object.fromEntries(Object.entries(engines).map(([name, decide]) => [name, () => timed(decide)])),
  5,
);
const allowed = Object.entries(engines).map(([name, decide]) => [
  name,
  requests.filter((request) => decide(request)).length,
]);
for (const [name, us] of Object.entries(micros)) {
  const agreed = allowed.find(([other]) => other === name)?.[1];
  console.log(`${name.padEnd(26)} ${us.toFixed(1).padStart(8)} µs a decision, ${agreed} of ${requests.length} allowed`);
}

function timed(decide) {
  const start = performance.now();
  for (const request of requests) decide(request);
  return ((performance.now() - start) * 1000) / requests.length;
}

function casl() {
  const ability = createMongoAbility(
    [
      ...ALWAYS.map((action) => ({ action, subject: 'Request' })),
      { action: 'tool.execute', subject: 'Request', conditions: { tool: true } },
      { action: 'skill.execute', subject: 'Request', conditions: { skill: true } },
      {
        action: [...ALWAYS, 'tool.execute', 'skill.execute'],
        subject: 'Request',
        conditions: { sensitive: true },
        inverted: true,
      },
    ],
    { detectSubjectType: () => 'Request' },
  );
  return (request) => ability.can(request.action, request);
}

async function casbin() {
  const enforcer = await newEnforcer(
    newModelFromString(`
[request_definition]
r = req
[policy_definition]
p = act, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (p.eft == "deny" && r.req.sensitive) || (p.eft == "allow" && r.req.action == p.act && (p.act != "tool.execute" || r.req.tool) && (p.act != "skill.execute" || r.req.skill))
`),
  );
  for (const action of [...ALWAYS, 'tool.execute', 'skill.execute']) await enforcer.addPolicy(action, 'allow');
  await enforcer.addPolicy('*', 'deny');
  return (request) => enforcer.enforceSync(request);
}

function contextOf({ action, principal, resource, sensitive, tool, skill }) {
  return {
    action,
    resource,
    principal,
    device_id: '',
    channel: '',
    session_id: '',
    run_id: '',
    tool_name: '',
    skill_id: '',
    capabilities: [],
    is_sensitive_action: sensitive,
    is_allowlisted_tool: tool,
    is_allowlisted_skill: skill,
    is_tool_execute_principal_allowed: true,
    is_tool_execute_channel_allowed: true,
    allow_sensitive_tools: false,
  };
}

function cedar() {
  const wasm = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs');
  wasm.preparsePolicySet('set', { staticPolicies: baseline });
  return (request) =>
    wasm.statefulIsAuthorized({
      principal: { type: 'Principal', id: request.principal },
      action: { type: 'Action', id: request.action },
      resource: { type: 'Resource', id: request.resource },
      context: contextOf(request),
      preparsedPolicySetId: 'set',
      entities: [],
    }).response.decision === 'allow';
}

async function palyra() {
  const bundle = await build({
    stdin: {
      contents: `export { openCedar } from './src/adapters/cedar/cedar.ts'; export { openEvaluator } from './src/policy/evaluator.ts'; export { namePolicies, splitPolicies } from './src/policy/source.ts';`,
      resolveDir: PACKAGE,
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
  const evaluator = openEvaluator(
    openCedar({ throughput: true }),
    'bench',
    namePolicies(splitPolicies(baseline, 'baseline.cedar')),
  );
  return (request) => evaluator.evaluate(contextOf(request)).decision === 'allow';
}
