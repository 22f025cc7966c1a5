import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiToken, Registry } from '../../src/access/registry.ts';
import { hashSecret } from '../../src/access/secret.ts';
import { verifyJournal } from '../../src/flows/verify-journal.ts';
import { openStore } from '../adapters/state-root.ts';
import { PACKAGE } from '../palyra.ts';

/** `processes x mints`; a soak runs 16x20 and 64x5 */
const STORMS = (process.env.PALYRA_STORMS ?? '16x5').split(',');
/** a soak runs 200 */
const KILLS = Number(process.env.PALYRA_CLI_KILLS ?? 24);

const PALYRA = join(PACKAGE, 'bin/palyra.js');
const SECRET = /^palyra_[0-9A-Za-z]{49}$/m;

function newHome(): { root: string; env: Record<string, string> } {
  const home = mkdtempSync(join(tmpdir(), 'palyra-cli-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const root = join(home, 'state');
  return { root, env: { PATH: '/usr/bin:/bin', HOME: home, PALYRA_STATE_ROOT: root } };
}

/** What a palyra process printed until it ended, or was killed. */
function palyra(
  env: Record<string, string>,
  args: readonly string[],
  killAfterMs?: number,
): Promise<{ stdout: string; code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PALYRA, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ stdout, code }));
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
}

async function registryOf(root: string): Promise<Registry> {
  const store = openStore(root);
  expect(await verifyJournal(store)).toMatchObject({ fault: null });
  return (await store.read('registry')).registry;
}

function tokensOf(registry: Registry): Map<string, ApiToken> {
  return new Map(registry.api_tokens.map((token) => [token.token_hash_sha256, token]));
}

test.each(STORMS)('a storm of %s mints loses no secret that was printed', { timeout: 3_600_000 }, async (storm) => {
  const [processes = 1, mints = 1] = storm.split('x').map(Number);
  const { root, env } = newHome();
  await palyra(env, ['flags', 'enable', 'api_tokens', '--with-deps']);
  const printed: string[] = [];
  await Promise.all(
    Array.from({ length: processes }, async (_, process) => {
      for (let i = 0; i < mints; i++) {
        const { stdout, code } = await palyra(env, ['tokens', 'mint', '--label', `p${process}-${i}`]);
        expect(code).toBe(0);
        printed.push(stdout.trim());
      }
    }),
  );
  const registry = await registryOf(root);
  const tokens = tokensOf(registry);
  expect(printed.map((secret) => tokens.has(hashSecret(secret)))).toEqual(printed.map(() => true));
  expect(registry.api_tokens).toHaveLength(processes * mints);
  expect(new Set(registry.api_tokens.map(({ token_id }) => token_id)).size).toBe(processes * mints);
});

test(`${KILLS} kills during mints and rotations: what was printed is durable, and one secret always works`, {
  timeout: 3_600_000,
}, async () => {
  const { root, env } = newHome();
  await palyra(env, ['flags', 'enable', 'api_tokens', '--with-deps']);
  const started = performance.now();
  const { stdout } = await palyra(env, ['tokens', 'mint', '--label', 'rotating']);
  const usualMs = performance.now() - started;
  let printed = 0;
  let works = hashSecret(stdout.trim());
  for (let round = 0; round < KILLS; round++) {
    const before = tokensOf(await registryOf(root)).get(works);
    const delay = () => usualMs * (0.4 + Math.random());
    const [mint, rotate] = await Promise.all([
      palyra(env, ['tokens', 'mint', '--label', 'minted'], delay()),
      palyra(env, ['tokens', 'rotate', before?.token_id ?? ''], delay()),
    ]);
    const registry = await registryOf(root);
    const tokens = tokensOf(registry);
    for (const { stdout } of [mint, rotate]) {
      const secret = SECRET.exec(stdout)?.[0];
      if (secret === undefined) continue;
      printed++;
      expect(tokens.get(hashSecret(secret))?.revoked_at_unix_ms).toBeUndefined();
    }
    // neither none nor both, whether or not anybody was told
    const live = registry.api_tokens.filter((token) => token.label === 'rotating' && !token.revoked_at_unix_ms);
    expect(live).toHaveLength(1);
    works = live[0]?.token_hash_sha256 ?? '';
  }
  expect(printed).toBeGreaterThan(0);
  // nothing is left of those that were killed once somebody has been here
  await palyra(env, ['tokens', 'mint', '--label', 'after']);
  expect(readdirSync(root).filter((name) => name.startsWith('.tmp.'))).toEqual([]);
});

test('on a full disk nothing is minted, what is valid stays valid, what is not is refused', async () => {
  const { root, env } = newHome();
  mkdirSync(root, { mode: 0o700 });
  const script = join(env.HOME ?? '', 'full.sh');
  writeFileSync(
    script,
    `mount -t tmpfs -o size=1m,mode=700 none "$1" && cd / || exit 1
palyra() { HOME=/ PALYRA_STATE_ROOT="$root" "$node" "$cli" "$@"; }
root="$1/state" node="$2" cli="$3"
palyra flags enable api_tokens --with-deps -q
palyra tokens mint --label before -q > "$4/secret"
head -c 2000000 /dev/zero > "$1/ballast" 2> "$4/full"
palyra tokens mint --label late > "$4/late" 2> "$4/late-says"
echo "mint $?"
palyra tokens verify < "$4/secret" > "$4/valid" 2> "$4/valid-says"
echo "valid $?"
palyra tokens verify < "$4/secret" > "$4/again" 2>&1
echo "again $?"
echo wrong | palyra tokens verify > "$4/invalid" 2>&1
echo "invalid $?"
rm "$1/ballast"
palyra tokens mint --label after -q > "$4/after"
echo "after $?"
palyra tokens list | cut -f 3 | tr '\\n' ' '
`,
  );
  const out = join(env.HOME ?? '', 'out');
  mkdirSync(out);
  const command = ['unshare', '-rm', 'sh', script, root, process.execPath, PALYRA, out];
  const said = await new Promise<string>((resolve, reject) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.on('error', reject).on('close', () => resolve(stdout));
  });
  expect(readFileSync(join(out, 'full'), 'utf8')).toContain('No space left');
  expect(said).toBe('mint 14\nvalid 0\nagain 0\ninvalid 10\nafter 0\nbefore after ');
  expect(readFileSync(join(out, 'late'), 'utf8')).toBe('');
  expect(readFileSync(join(out, 'late-says'), 'utf8')).toContain('make room on the disk');
  expect(readFileSync(join(out, 'valid-says'), 'utf8')).toContain('when the token was used could not be kept');
});
