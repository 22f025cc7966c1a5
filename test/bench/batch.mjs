// 100,000 requests from file to file through `palyra policy check --batch`, against a plain loop over
// statefulIsAuthorized that reads, asks once a request and writes; 50 principals, 30 tools, 5 channels, unique sessions.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurn, wall } from './measure.mjs';

const PACKAGE = join(import.meta.dirname, '../..');
const REQUESTS = 100_000;
// the loop is asked for a part and its time multiplied: its cost does not depend on how many came before
const PART = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'palyra-bench-'));
const input = join(folder, 'requests.jsonl');
writeFileSync(input, Array.from({ length: REQUESTS }, (_, n) => `${JSON.stringify(request(n))}\n`).join(''));

if (process.argv[2] === 'loop') loop(process.argv[3], process.argv[4]);
else {
  await compare('the baseline', undefined);
  await compare('with 1,000 operator policies', manyPolicies(1000));
}

async function compare(name, policies) {
  const own = policies === undefined ? [] : ['--policies', policies];
  const part = policies === undefined ? PART : PART / 50;
  const empty = wall([process.execPath, import.meta.filename, 'loop', '0', ...own.slice(1)]);
  const palyra = `"${process.execPath}" "${PACKAGE}/bin/palyra.js" policy check --batch "${input}" ${own.join(' ')} > "${folder}/answers"`;
  const { ours, theirs } = await inTurn(
    {
      ours: () => wall(['/bin/sh', '-c', palyra]),
      theirs: () => wall([process.execPath, import.meta.filename, 'loop', String(part), ...own.slice(1)]),
    },
    5,
  );
  // the start of the loop's process counts once
  const loopMs = empty + ((theirs - empty) * REQUESTS) / part;
  const perSecond = (ms) => Math.round((REQUESTS * 1000) / ms).toLocaleString('en');
  console.log(
    `${name}: palyra ${perSecond(ours)}/s, plain loop ${perSecond(loopMs)}/s: ${(loopMs / ours).toFixed(1)} times`,
  );
}

function loop(count, policies) {
  const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs');
  const texts = [join(PACKAGE, 'policies/baseline.cedar'), ...(policies === undefined ? [] : [policies])];
  cedar.preparsePolicySet('set', { staticPolicies: texts.map((path) => readFileSync(path, 'utf8')).join('\n') });
  const lines = Array.from({ length: Number(count) }, (_, n) => JSON.stringify(request(n)));
  writeFileSync(join(folder, 'part'), lines.join('\n'));
  const answers = [];
  for (const line of readFileSync(join(folder, 'part'), 'utf8').split('\n')) {
    if (line === '') continue;
    const { principal, action, resource, context } = JSON.parse(line);
    const uid = (type, id) => ({ type, id });
    const answer = cedar.statefulIsAuthorized({
      principal: uid('Principal', principal),
      action: uid('Action', action),
      resource: uid('Resource', resource),
      context: {
        action,
        resource,
        principal,
        device_id: '',
        channel: context.channel,
        session_id: context.session_id,
        run_id: context.run_id,
        tool_name: context.tool_name,
        skill_id: '',
        capabilities: [],
        is_sensitive_action: false,
        is_allowlisted_tool: false,
        is_allowlisted_skill: false,
        is_tool_execute_principal_allowed: true,
        is_tool_execute_channel_allowed: true,
        allow_sensitive_tools: false,
      },
      preparsedPolicySetId: 'set',
      entities: [
        ['Principal', principal],
        ['Action', action],
        ['Resource', resource],
        ['Tool', context.tool_name],
        ['Channel', context.channel],
      ].map(([type, id]) => ({ uid: uid(type, id), attrs: {}, parents: [] })),
    });
    answers.push(JSON.stringify(answer));
  }
  writeFileSync(join(folder, 'answers'), answers.join('\n'));
}

function request(n) {
  const tool = `palyra.tool_${n % 30}`;
  return {
    id: n,
    principal: `user:p${(n * 7) % 50}`,
    action: 'tool.execute',
    resource: `tool:${tool}`,
    context: { channel: `channel:${(n * 3) % 5}`, session_id: `session-${n}`, run_id: `run-${n}`, tool_name: tool },
  };
}

function manyPolicies(count) {
  const path = join(folder, 'own.cedar');
  const one = (n) =>
    `@id("own_${n}")\nforbid (principal, action == Action::"tool.execute", resource)\nwhen { context.tool_name == "palyra.tool_${n}" && context.channel == "channel:4" };\n`;
  writeFileSync(path, Array.from({ length: count }, (_, n) => one(n)).join(''));
  return path;
}
