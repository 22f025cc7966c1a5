import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { registryShape } from '../../src/access/registry.ts';
import { formSecret, hashSecret } from '../../src/access/secret.ts';
import { newPlace, type Place } from '../palyra.ts';

const SECRET = /palyrai?_[0-9A-Za-z]{49}/;

function stateOf({ folder }: Place): string {
  return join(dirname(folder), '.local/state/palyra');
}

function registryOf(place: Place) {
  return JSON.parse(readFileSync(join(stateOf(place), 'access_registry.json'), 'utf8'));
}

/** The kinds of the journal's entries, with what they say. */
function journalOf(place: Place): { kind: string; payload: Record<string, unknown>; actor: Record<string, unknown> }[] {
  const folder = join(stateOf(place), 'journal');
  return readdirSync(folder)
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(JSON.parse(line).body));
}

async function withTokens(): Promise<Place> {
  const place = newPlace();
  expect((await place.palyra(['flags', 'enable', 'api_tokens', '--with-deps'])).code).toBe(0);
  return place;
}

async function minted(place: Place, ...options: string[]): Promise<{ secret: string; id: string }> {
  const { stdout, code } = await place.palyra(['tokens', 'mint', '--label', 'ci', '--json', ...options]);
  expect(code).toBe(0);
  const { token, token_record } = JSON.parse(stdout);
  return { secret: token, id: token_record.token_id };
}

async function verify(place: Place, secret: string, ...options: string[]) {
  const { stdout, code } = await place.palyra(['tokens', 'verify', '--json', ...options], { input: `${secret}\n` });
  return { code, ...JSON.parse(stdout) };
}

describe('a secret', () => {
  test('is on stdout alone, and in no file, however it was made, used, ended or refused', async () => {
    const place = await withTokens();
    const one = await place.palyra(['tokens', 'mint', '--label', 'ci']);
    expect(one.stdout).toMatch(/^palyra_[0-9A-Za-z]{49}\n$/);
    expect(one.stderr).not.toMatch(SECRET);
    const { id, secret } = await minted(place);
    const two = await place.palyra(['tokens', 'rotate', id, '--grace', '1h', '-v']);
    expect(two.stderr).not.toMatch(SECRET);
    const secrets = [one.stdout.trim(), secret, two.stdout.trim()];
    for (const each of secrets) {
      const { stdout, stderr } = await place.palyra(['tokens', 'verify'], { input: each });
      expect(stdout + stderr).not.toContain(each.slice(0, 20));
    }
    await verify(place, formSecret('palyra_', new Uint8Array(32).fill(9)));
    await place.palyra(['tokens', 'revoke', id], { env: { PALYRA_TOKEN: secret, PALYRA_DEBUG: '1' } });
    for (const file of readdirSync(stateOf(place), { recursive: true, encoding: 'utf8' })) {
      const path = join(stateOf(place), file);
      if (statSync(path).isFile()) expect(readFileSync(path, 'latin1')).not.toMatch(SECRET);
    }
    const journal = JSON.stringify(journalOf(place));
    for (const each of secrets) expect(journal).not.toContain(hashSecret(each));
    const listed = (await place.palyra(['tokens', 'list', '--json'])).stdout;
    expect(listed).not.toContain('hash');
  });

  test.each([
    ['verify', 'S'],
    ['show', 'S'],
    ['revoke', 'S'],
    ['mint', '--label', 'S'],
    ['verify', '--secret-file=S'],
    ['S'],
  ])('is refused among the arguments, before anything is done, and not echoed: %j', async (...args) => {
    const place = newPlace();
    const secret = formSecret('palyra_', new Uint8Array(32).fill(1));
    for (const each of [
      secret,
      'palyra_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_',
      formSecret('palyrai_', new Uint8Array(32)),
    ]) {
      const { stdout, stderr, code } = await place.palyra(['tokens', ...args.map((arg) => arg.replace(/S$/, each))]);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain('a secret on the command line is refused');
      expect(stderr).not.toContain(each.slice(0, 15));
    }
    expect(readdirSync(dirname(place.folder)).sort()).toEqual(['bin', 'desk']);
  });
});

describe('mint', () => {
  test('answers programs with the token and its record, without the hash', async () => {
    const place = await withTokens();
    const { stdout } = await place.palyra(['tokens', 'mint', '--label', 'ci', '--scope', 'memory.use', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'palyra.tokens.mint/1',
      token: expect.stringMatching(/^palyra_[0-9A-Za-z]{49}$/),
      token_record: {
        token_id: expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
        label: 'ci',
        token_prefix: JSON.parse(stdout).token.slice(0, 11),
        scopes: ['memory.use'],
        principal: expect.stringMatching(/^user:/),
        role: 'operator',
        rate_limit_per_minute: 120,
        created_at_unix_ms: expect.any(Number),
        created_at: expect.stringMatching(/Z$/),
        updated_at_unix_ms: expect.any(Number),
        updated_at: expect.stringMatching(/Z$/),
        state: 'active',
      },
      changed: true,
    });
    expect(registryOf(place).telemetry.at(-1)).toEqual({
      event_id: expect.any(String),
      outcome: 'success',
      principal: JSON.parse(stdout).token_record.principal,
      feature_key: 'api_tokens',
      category: 'token',
      token_id: JSON.parse(stdout).token_record.token_id,
      detail: 'minted',
      recorded_at_unix_ms: expect.any(Number),
    });
  });

  test('that is refused, or only tried, writes nothing', async () => {
    const place = await withTokens();
    const before = readdirSync(stateOf(place)).sort();
    const registry = registryOf(place);
    for (const args of [['--scope', 'memory.usee'], ['--expires', '30'], ['--label', ' '], ['-n']]) {
      const { stdout } = await place.palyra(['tokens', 'mint', '--label', 'ci', ...args]);
      expect(stdout).toBe('');
    }
    expect(readdirSync(stateOf(place)).sort()).toEqual(before);
    expect(registryOf(place)).toEqual(registry);
  });

  test('keeps the newest 256 events of telemetry', async () => {
    const place = await withTokens();
    const registry = registryOf(place);
    const event = {
      event_id: 'e',
      feature_key: 'f',
      category: 'c',
      outcome: 'o',
      recorded_at_unix_ms: 1,
      theirs: true,
    };
    registry.telemetry = Array.from({ length: 300 }, (_, i) => ({ ...event, recorded_at_unix_ms: i }));
    const other = newPlace();
    mkdirSync(stateOf(other), { recursive: true, mode: 0o700 });
    writeFileSync(join(stateOf(other), 'access_registry.json'), JSON.stringify(registry), { mode: 0o600 });
    await minted(other);
    const { telemetry } = registryOf(other);
    expect(telemetry).toHaveLength(256);
    expect(telemetry[0]).toEqual({ ...event, recorded_at_unix_ms: 45 });
    expect(telemetry.at(-1).detail).toBe('minted');
  });
});

describe('verify', () => {
  test('holds secret, scopes and limit in this order, and journals each refusal with its reason', async () => {
    const place = await withTokens();
    const { secret, id } = await minted(
      place,
      '--scope',
      'memory.use',
      '--scope',
      'compat.embeddings.create',
      '--rate-limit',
      '10',
    );
    expect(await verify(place, secret, '--scope', 'memory.use')).toMatchObject({ code: 0, valid: true, token_id: id });
    const wrong = formSecret('palyra_', new Uint8Array(32).fill(9));
    const invalid = { code: 10, schema: 'palyra.tokens.verify/1', valid: false, reason_code: 'invalid' };
    expect(await verify(place, wrong)).toEqual(invalid);
    expect(await verify(place, 'hello')).toEqual(invalid);
    expect(await verify(place, secret, '--scope', 'sessions.use')).toEqual({
      ...invalid,
      reason_code: 'missing_scope',
      scope: 'sessions.use',
    });
    expect(await verify(place, secret, '--scope', 'compat.embeddings.create')).toEqual({
      ...invalid,
      reason_code: 'missing_scope',
      scope: 'compat.embeddings.create',
      flag: 'compat_embeddings_api',
    });
    await place.palyra(['tokens', 'revoke', id]);
    expect(await verify(place, secret, '--scope', 'sessions.use')).toEqual(invalid);
    await place.palyra(['flags', 'disable', 'api_tokens']);
    expect(await verify(place, secret)).toEqual(invalid);
    const refusals = journalOf(place).filter(({ kind }) => kind === 'token.refuse');
    expect(refusals.map(({ payload }) => payload.reason)).toEqual([
      'unknown',
      'malformed',
      'missing_scope',
      'missing_scope',
      'revoked',
      'feature_off',
    ]);
    expect(refusals.map(({ payload }) => payload.token_id)).toEqual([undefined, undefined, id, id, id, undefined]);
  });

  test('what is invalid says the same and ends the same, whatever the reason', async () => {
    const place = await withTokens();
    const { secret, id } = await minted(place);
    await place.palyra(['tokens', 'revoke', id]);
    const told = [];
    for (const input of [secret, formSecret('palyra_', new Uint8Array(32)), 'x'])
      told.push(await place.palyra(['tokens', 'verify'], { input }));
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(told[0]).toEqual({ stdout: '✗ invalid\n', stderr: '', code: 10 });
  });

  test('its limit is shared by all processes, and is there after each of them has ended', async () => {
    const place = await withTokens();
    const { secret } = await minted(place, '--rate-limit', '10');
    const verdicts = await Promise.all(Array.from({ length: 14 }, () => verify(place, secret)));
    const limited = verdicts.filter(({ valid }) => !valid);
    // a slow machine gives one back every 6 s
    expect(limited.length).toBeGreaterThan(0);
    expect(verdicts.length - limited.length).toBeGreaterThanOrEqual(10);
    for (const each of limited)
      expect(each).toMatchObject({ code: 10, reason_code: 'rate_limited', retry_after_seconds: expect.any(Number) });
    const other = await minted(place);
    expect((await verify(place, other.secret)).valid).toBe(true);
    // the use is noted once, and the registry not rewritten for each
    expect(journalOf(place).filter(({ kind }) => kind === 'token.use')).toHaveLength(2);
  });

  test('nothing is valid without a rate file that can be read', async () => {
    const place = await withTokens();
    const { secret } = await minted(place);
    const path = join(stateOf(place), 'rates.bin');
    for (const spoil of [() => truncateSync(path, 100), () => writeFileSync(path, Buffer.alloc(65_552, 255))]) {
      spoil();
      const { stdout, stderr, code } = await place.palyra(['tokens', 'verify'], { input: secret });
      expect({ stdout, code }).toEqual({ stdout: '', code: 14 });
      expect(stderr).toContain('rates.bin');
    }
  });

  test.each([
    ['nothing', '', 'there is no secret'],
    ['too much', 'x'.repeat(2000), 'too large'],
    ['bytes that are no text', Buffer.from([255, 254]), 'not UTF-8'],
  ])('%s on standard input is refused', async (_name, input, says) => {
    const { stdout, stderr, code } = await newPlace().palyra(['tokens', 'verify'], { input });
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(says);
  });
});

test('PALYRA_TOKEN authenticates its principal, within its scopes; a refused one changes nothing and is journaled', async () => {
  const place = await withTokens();
  const limited = await minted(place, '--principal', 'user:ci', '--scope', 'memory.use');
  const manager = await minted(
    place,
    '--principal',
    'user:ci',
    '--scope',
    'memory.use',
    '--scope',
    'api_tokens.manage',
  );
  const mint = (secret: string, ...args: string[]) =>
    place.palyra(['tokens', 'mint', '--label', 'x', '--json', ...args], { env: { PALYRA_TOKEN: secret } });
  expect((await mint(limited.secret, '--scope', 'memory.use')).code).toBe(5);
  expect((await mint(manager.secret, '--scope', 'sessions.use')).code).toBe(5);
  const { stdout, code } = await mint(manager.secret, '--scope', 'memory.use');
  expect(code).toBe(0);
  expect(JSON.parse(stdout).token_record.principal).toBe('user:ci');
  expect(journalOf(place).at(-1)).toMatchObject({ kind: 'token.mint', actor: { principal: 'user:ci' } });
  const refused = await mint(formSecret('palyra_', new Uint8Array(32)), '--scope', 'memory.use');
  expect(refused).toMatchObject({ code: 10, stdout: '' });
  expect(journalOf(place).at(-1)).toMatchObject({ kind: 'token.refuse', payload: { reason: 'unknown' } });
  expect(registryOf(place).api_tokens).toHaveLength(3);
});

test('--as and --reason are in the journal', async () => {
  const place = await withTokens();
  await place.palyra(['tokens', 'mint', '--label', 'x', '--as', 'user:alice', '--reason', 'asked for it']);
  expect(journalOf(place).at(-1)).toMatchObject({
    kind: 'token.mint',
    actor: { as: 'user:alice', principal: expect.stringMatching(/^user:/) },
    payload: { label: 'x', principal: 'user:alice', reason: 'asked for it' },
  });
});

describe('scan', () => {
  test('finds secrets in files, folders and standard input, says which are live, and exits 6', async () => {
    const place = await withTokens();
    const { secret, id } = await minted(place);
    const foreign = formSecret('palyra_', new Uint8Array(32).fill(3));
    mkdirSync(join(place.folder, 'deep/er'), { recursive: true });
    writeFileSync(join(place.folder, 'deep/er/env'), `A=1\nTOKEN=${secret}\n`);
    writeFileSync(join(place.folder, 'image'), Buffer.concat([Buffer.alloc(300_000, 255), Buffer.from(foreign)]));
    symlinkSync('.', join(place.folder, 'deep/loop'));
    const { stdout, stderr, code } = await place.palyra(['tokens', 'scan', '.', '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'palyra.tokens.scan/1',
      items: [
        { source: 'deep/er/env', line: 2, kind: 'token', prefix: secret.slice(0, 11), state: 'live', id, label: 'ci' },
        {
          source: 'image',
          line: 1,
          kind: 'token',
          prefix: foreign.slice(0, 11),
          state: 'unknown',
          id: null,
          label: null,
        },
      ],
      count: 2,
    });
    expect(stdout + stderr).not.toMatch(SECRET);
    expect((await place.palyra(['tokens', 'scan'], { input: `x${secret}` })).stdout).toMatch(
      /^standard input:1\tlive\t/,
    );
    expect((await place.palyra(['tokens', 'scan', '-'], { input: 'nothing' })).code).toBe(0);
  });

  test('what cannot be read is told, and is not clean', async () => {
    const place = newPlace();
    const { stderr, code } = await place.palyra(['tokens', 'scan', 'missing']);
    expect(code).toBe(2);
    expect(stderr).toContain('no such file or folder: missing');
    // nothing was asked of the state, so none was made
    expect(readdirSync(dirname(place.folder)).sort()).toEqual(['bin', 'desk']);
  });

  test('looks into what commits add and say; a range that git does not know is refused', async () => {
    const place = await withTokens();
    const { secret, id } = await minted(place);
    const said = formSecret('palyra_', new Uint8Array(32).fill(4));
    const git = 'git -c user.name=x -c user.email=x@example.org';
    const set = await place.bash(
      [
        'set -e; git init -q .; echo start > a; git add a',
        `${git} commit -qm start; printf 'x\\n${secret}\\n' > a; ${git} commit -qam leak`,
        `echo clean > a; ${git} commit -qam 'take ${said} out'`,
      ].join('\n'),
    );
    expect(set).toMatchObject({ code: 0, stderr: '' });
    const all = await place.palyra(['tokens', 'scan', '--git', 'HEAD', '--json']);
    expect(all.code).toBe(6);
    expect(JSON.parse(all.stdout).items).toEqual([
      expect.objectContaining({ source: expect.stringMatching(/^[0-9a-f]{12}$/), line: 0, state: 'unknown' }),
      expect.objectContaining({ source: expect.stringMatching(/^a@[0-9a-f]{12}$/), line: 2, state: 'live', id }),
    ]);
    const clean = await place.palyra(['tokens', 'scan', '--git', 'HEAD~2']);
    expect(clean.code).toBe(0);
    for (const range of ['nope..HEAD', '--output=stolen']) {
      const { stderr, code } = await place.palyra(['tokens', 'scan', `--git=${range}`]);
      expect(code).toBe(2);
      expect(stderr).toContain('git cannot show');
    }
    expect(readdirSync(place.folder).sort()).toEqual(['.git', 'a']);
  });
});

describe('a registry of another program', () => {
  const secret = 'palyra_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_';

  /** Version 1, compact, other order, fields nobody knows at each level, blank optional fields, an old secret. */
  function theirRegistry() {
    const { feature_flags, ...rest } = registryShape.empty();
    return {
      their_top: { deep: [null, { a: 1.5 }] },
      ...rest,
      telemetry: [
        {
          event_id: 'e',
          feature_key: 'f',
          category: 'c',
          outcome: 'o',
          detail: null,
          recorded_at_unix_ms: 1,
          their_event: 0,
        },
      ],
      api_tokens: [
        {
          their_token: ['x'],
          token_id: '01HZZZZZZZZZZZZZZZZZZZZZZZ',
          label: 'theirs',
          token_prefix: 'palyra_AAAA',
          token_hash_sha256: hashSecret(secret),
          scopes: ['compat.chat.create', 'their.scope'],
          principal: 'user:theirs',
          workspace_id: null,
          role: 'admin',
          rate_limit_per_minute: 100,
          created_at_unix_ms: 1,
          updated_at_unix_ms: 1,
          expires_at_unix_ms: null,
          revoked_at_unix_ms: null,
          rotated_from_token_id: '',
        },
      ],
      feature_flags: [
        ...feature_flags.map((flag) => ({ ...flag, enabled: flag.key !== 'rbac', their_flag: true })),
        {
          key: 'their_own',
          label: 'Theirs',
          description: '',
          enabled: true,
          stage: 'general',
          depends_on: [],
          updated_at_unix_ms: 5,
          updated_by_principal: 'them',
        },
      ],
    };
  }

  test('opens, works, and survives a rewrite with every field that nobody knows', async () => {
    const place = newPlace();
    mkdirSync(stateOf(place), { recursive: true, mode: 0o700 });
    writeFileSync(join(stateOf(place), 'access_registry.json'), JSON.stringify(theirRegistry()), { mode: 0o600 });
    const listed = (await place.palyra(['tokens', 'list'])).stdout;
    expect(listed.split('\t').slice(1, 4)).toEqual(['active', 'theirs', 'user:theirs']);
    expect(await verify(place, secret, '--scope', 'compat.chat.create')).toMatchObject({ code: 0, valid: true });
    await minted(place);
    const [theirs, ours] = registryOf(place).api_tokens;
    const { last_used_at_unix_ms, ...kept } = theirs;
    expect(last_used_at_unix_ms).toEqual(expect.any(Number));
    expect(kept).toEqual(theirRegistry().api_tokens[0]);
    expect(ours.label).toBe('ci');
    const { api_tokens: _, telemetry, ...rest } = registryOf(place);
    const { api_tokens: __, telemetry: theirEvents, ...theirRest } = theirRegistry();
    expect(rest).toEqual(theirRest);
    expect(telemetry[0]).toEqual(theirEvents[0]);
    // what another program binds its tokens by binds the successor too
    const rotated = await place.palyra(['tokens', 'rotate', 'ZZZZZZ', '--json']);
    expect(JSON.parse(rotated.stdout).token_record).toMatchObject({
      their_token: ['x'],
      scopes: ['compat.chat.create', 'their.scope'],
      rotated_from_token_id: '01HZZZZZZZZZZZZZZZZZZZZZZZ',
    });
    expect(await verify(place, secret)).toMatchObject({ code: 10, reason_code: 'invalid' });
    const text = readFileSync(join(stateOf(place), 'access_registry.json'), 'utf8');
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
  });
});

describe('a secret in a file that others may read', () => {
  const MAKERS = [
    'tokens mint --label b > FILE',
    'tokens mint --label b --json > FILE',
    'tokens rotate a > FILE',
    'members invite user:bob --role operator > FILE',
  ];

  test.each(MAKERS)('is warned of, with the command that closes it: %s', async (maker) => {
    const place = await withTokens();
    await place.bash('palyra flags enable team_mode; palyra workspaces create ops; palyra tokens mint --label a');
    const command = maker.replace('FILE', 'secret');
    const open = await place.bash(`umask 022; palyra ${command}`);
    const [, fix = ''] = /hint: {2}(chmod 600 .*)\n/.exec(open.stderr) ?? [];
    expect([open.code, open.stderr]).toEqual([0, expect.stringContaining('others may read the secret in')]);
    await place.bash(fix);
    expect(statSync(join(place.folder, 'secret')).mode & 0o777).toBe(0o600);
  });

  test('is not, where nobody else may, and in a pipe', async () => {
    const place = await withTokens();
    for (const line of ['(umask 077; palyra tokens mint --label a > secret)', 'palyra tokens mint --label b | cat']) {
      expect((await place.bash(line)).stderr).not.toContain('others may read');
    }
  });
});

describe('a secret that nobody would see', () => {
  test.each(['>&-', '> /dev/null'])('is not made: standard output is %s', async (closed) => {
    const place = await withTokens();
    const before = readFileSync(join(stateOf(place), 'access_registry.json'), 'utf8');
    for (const command of ['tokens mint --label ci', 'tokens mint --label ci --json', 'tokens rotate x']) {
      const { code, stderr } = await place.bash(`palyra ${command} ${closed}`);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('the secret would be lost') });
    }
    expect(readFileSync(join(stateOf(place), 'access_registry.json'), 'utf8')).toBe(before);
    // nothing is made, so nothing is lost
    expect((await place.bash(`palyra tokens mint --label ci --dry-run ${closed}`)).code).toBe(0);
  });

  test.each(['| exec 0<&-', '> /dev/full'])('is told, with the command that ends it: %s', async (lost) => {
    const place = await withTokens();
    const { stderr, stdout } = await place.bash(`palyra tokens mint --label ci ${lost}; echo "\${PIPESTATUS[0]}" >&2`);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/\n1\n$/);
    const undo = /palyra: hint: {2}palyra (tokens revoke \S+)\n/.exec(stderr)?.[1];
    expect(stderr).toContain('the secret was made, but could not be shown');
    expect((await place.palyra(undo?.split(' ') ?? [])).code).toBe(0);
    expect(registryOf(place).api_tokens[0].revoked_at_unix_ms).toBeGreaterThan(0);
  });
});

test('PALYRA_TOKEN that was never filled is refused, and does not turn into the rights of the login', async () => {
  const place = await withTokens();
  const { code, stderr } = await place.palyra(['tokens', 'mint', '--label', 'x'], { env: { PALYRA_TOKEN: '' } });
  expect({ code, stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('PALYRA_TOKEN is set, but empty'),
  });
});
