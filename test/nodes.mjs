// The suite on Node 20.20, 22, 24 and 26, and the packed command on 20.17: each Node from npm's `node` package.
// Run: npm run test:nodes [20.20 22 …]
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SUITE = ['20.20', '22', '24', '26'];
const PACKED = '20.17.0';
const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'palyra-nodes-'));
// some tests start palyra as somebody else
chmodSync(folder, 0o755);
const outcomes = [];

for (const version of SUITE.filter((one) => wanted.length === 0 || wanted.includes(one))) {
  const path = `${dirname(nodeOf(version))}:${process.env.PATH}`;
  const { status } = spawnSync('npx', ['vitest', 'run'], { stdio: 'inherit', env: { ...process.env, PATH: path } });
  outcomes.push([`suite on Node ${version}`, status === 0]);
}
if (wanted.length === 0 || wanted.includes(PACKED)) outcomes.push([`packed command on Node ${PACKED}`, packedWorks()]);

for (const [name, passed] of outcomes) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
process.exitCode = outcomes.every(([, passed]) => passed) ? 0 : 1;

function nodeOf(version) {
  const home = join(folder, version);
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', home, `node@${version}`], {
    stdio: 'inherit',
  });
  return join(home, 'node_modules/node/bin/node');
}

/** What users install, in an empty project, on the oldest Node: every transcript ends as it is written. */
function packedWorks() {
  const node = nodeOf(PACKED);
  const project = join(folder, 'project');
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  execFileSync(
    'npm',
    ['install', '--silent', '--no-audit', '--no-fund', '--omit=dev', '--prefix', project, join(folder, tarball)],
    {
      stdio: 'inherit',
    },
  );
  const env = { ...process.env, PALYRA_TEST_NODE: node, PALYRA_TEST_PACKAGE: join(project, 'node_modules/palyra') };
  return spawnSync('npx', ['vitest', 'run', 'test/transcripts.test.ts'], { stdio: 'inherit', env }).status === 0;
}
