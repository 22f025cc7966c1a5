// What one durable mint and one verify cost at 100, 1,000 and 10,000 tokens, against the floor: starting node, reading
// and writing the same JSON, and two fsyncs. And a storm of 16 processes. Run: npm run build && node test/bench/access.mjs
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUNDS = 9;
const PALYRA = join(import.meta.dirname, '../../bin/palyra.js');
const FLOOR = `
  import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
  const [, path] = process.argv;
  const bytes = Buffer.from(JSON.stringify(JSON.parse(readFileSync(path, 'utf8')), null, 2));
  for (const [to, what] of [[path + '.floor', bytes], [path + '.log', Buffer.alloc(500)]]) {
    const fd = openSync(to, 'w', 0o600);
    for (let done = 0; done < what.length; ) done += writeSync(fd, what, done);
    fsyncSync(fd);
    closeSync(fd);
  }
  renameSync(path + '.floor', path + '.floor2');
`;
const home = mkdtempSync(join(tmpdir(), 'palyra-bench-'));

console.log('tokens     floor      mint   ratio     verify   ratio');
for (const tokens of [100, 1000, 10_000]) {
  const { env, registry, secret } = stateOf(tokens);
  const floor = median(() => run(['--input-type=module', '-e', FLOOR, registry], env));
  const mint = median(() => run([PALYRA, 'tokens', 'mint', '--label', 'bench'], env));
  const verify = median(() => run([PALYRA, 'tokens', 'verify', '--secret-file', secret], env));
  const cells = [ms(floor), ms(mint), (mint / floor).toFixed(2), ms(verify), (verify / floor).toFixed(2)];
  console.log(String(tokens).padStart(6), ...cells.map((cell) => cell.padStart(9)));
}
const { env } = stateOf(100);
const alone = median(() => run([PALYRA, 'tokens', 'mint', '--label', 'bench'], env));
const start = performance.now();
await Promise.all(
  Array.from({ length: 16 }, async () => {
    for (let i = 0; i < 5; i++) await mintBeside(env);
  }),
);
const each = (performance.now() - start) / 80;
console.log(`storm of 16 processes: ${ms(each)} a mint (${(1000 / each).toFixed(0)} a second), alone ${ms(alone)}`);
rmSync(home, { recursive: true });

/** A state root that holds so many tokens, as another program might have left it, and one that we know the secret of. */
function stateOf(tokens) {
  const root = join(home, String(tokens), String(Math.random()).slice(2));
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const env = { PATH: process.env.PATH, HOME: home, PALYRA_STATE_ROOT: root };
  run([PALYRA, 'flags', 'enable', 'api_tokens', '--with-deps', '-q'], { ...env, PALYRA_STATE_ROOT: `${root}-first` });
  const first = JSON.parse(readFileSync(join(`${root}-first`, 'access_registry.json'), 'utf8'));
  const registry = join(root, 'access_registry.json');
  const api_tokens = Array.from({ length: tokens }, (_, i) => tokenOf(i));
  writeFileSync(registry, JSON.stringify({ ...first, api_tokens }, null, 2), { mode: 0o600 });
  const secret = join(root, '..', 'secret');
  const minted = execFileSync(
    process.execPath,
    [PALYRA, 'tokens', 'mint', '--label', 'known', '--rate-limit', '10000', '-q'],
    { env },
  );
  writeFileSync(secret, minted, { mode: 0o600 });
  return { env, registry, secret };
}

function tokenOf(i) {
  return {
    token_id: `01J${String(i).padStart(23, '0')}`,
    label: `token ${i}`,
    token_prefix: 'palyra_0000',
    token_hash_sha256: createHash('sha256').update(String(i)).digest('hex'),
    scopes: ['compat.chat.create', 'memory.use', 'sessions.use'],
    principal: 'user:ops',
    role: 'operator',
    rate_limit_per_minute: 120,
    created_at_unix_ms: 1_790_000_000_000 + i,
    updated_at_unix_ms: 1_790_000_000_000 + i,
  };
}

function run(args, env) {
  const { status, stderr } = spawnSync(process.execPath, args, { env });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
}

function mintBeside(env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PALYRA, 'tokens', 'mint', '--label', 'storm'], { env, stdio: 'ignore' });
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
  });
}

function median(work) {
  const times = Array.from({ length: ROUNDS }, () => {
    const begun = performance.now();
    work();
    return performance.now() - begun;
  });
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

function ms(time) {
  return `${time.toFixed(1)} ms`;
}
