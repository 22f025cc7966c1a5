// One process, one decision on the baseline: Cedar as its package documents it, against ours and against bare Node.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const RUNS = 15;
const FOLDER = 'dist/bench';
const POLICIES = readFileSync('policies/baseline.cedar', 'utf8');
const UIDS = {
  principal: { type: 'Principal', id: 'user:ops' },
  action: { type: 'Action', id: 'vault.put' },
  resource: { type: 'Resource', id: 'vault:deploy' },
};
const CONTEXT = { is_sensitive_action: false, allow_sensitive_tools: false };

const DOCUMENTED = `
const cedar = require('@cedar-policy/cedar-wasm/nodejs');
cedar.preparsePolicySet('baseline', { staticPolicies: ${JSON.stringify(POLICIES)} });
const call = { ...${JSON.stringify(UIDS)}, context: ${JSON.stringify(CONTEXT)}, entities: [], preparsedPolicySetId: 'baseline' };
process.exitCode = cedar.statefulIsAuthorized(call).response.decision === 'allow' ? 0 : 1;
`;
const OURS = `
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
const cedar = openCedar();
cedar.prepare('baseline', { staticPolicies: ${JSON.stringify(POLICIES)} });
const uids = ${JSON.stringify(Object.fromEntries(Object.entries(UIDS).map(([name, uid]) => [name, JSON.stringify(uid)])))};
const answer = cedar.decide('baseline', { ...uids, context: '${JSON.stringify(CONTEXT)}', entities: '[]' });
process.exitCode = answer.kind === 'answer' && answer.decision === 'allow' ? 0 : 1;
`;

mkdirSync(FOLDER, { recursive: true });
writeFileSync(`${FOLDER}/bare.mjs`, '');
writeFileSync(`${FOLDER}/documented.cjs`, DOCUMENTED);
const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20.17' };
const stdin = { contents: OURS, resolveDir: FOLDER, loader: 'ts' };
await build({ ...options, stdin, outfile: `${FOLDER}/ours.mjs` });
await build({ ...options, entryPoints: ['src/adapters/cedar/make-image.ts'], outfile: `${FOLDER}/make-image.mjs` });
const { makeImage } = await import(new URL(`../../${FOLDER}/make-image.mjs`, import.meta.url).href);
writeFileSync(`${FOLDER}/cedar.image`, makeImage({ baseline: { staticPolicies: POLICIES } }));

const files = ['bare.mjs', 'documented.cjs', 'ours.mjs'];
const times = files.map(() => []);
for (let run = 0; run <= RUNS; run++) {
  files.forEach((file, i) => {
    const before = performance.now();
    const { status } = spawnSync(process.execPath, [`${FOLDER}/${file}`]);
    if (status !== 0) throw new Error(`${file} did not allow`);
    // the first run warms the disk's cache
    if (run > 0) times[i].push(performance.now() - before);
  });
}
rmSync(FOLDER, { recursive: true });

const [bare, documented, ours] = times.map((all) => all.sort((a, b) => a - b)[Math.floor(RUNS / 2)]);
console.log(`one decision, wall, median of ${RUNS} (node ${process.version})`);
console.log(`bare ${bare.toFixed(0)} ms, documented ${documented.toFixed(0)} ms, ours ${ours.toFixed(0)} ms`);
console.log(
  `ours / documented ${(ours / documented).toFixed(2)}; above bare ${((ours - bare) / (documented - bare)).toFixed(2)}`,
);
