import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Approval } from '../../src/approvals/approval.ts';
import { findApproval } from '../../src/flows/find-approval.ts';
import { settleApproval } from '../../src/flows/settle-approval.ts';
import { verifyJournal } from '../../src/flows/verify-journal.ts';
import { openState, openTestDesk } from '../flows/gate-desk.ts';
import { trustedToken } from '../flows/trusted-token.ts';
import { newPlace, type Place } from '../palyra.ts';

/** a soak has 50 of them, and more kills */
const OPERATORS = Number(process.env.PALYRA_OPERATORS ?? 50);
const KILLS = Number(process.env.PALYRA_KILL_ROUNDS ?? 10);

const INPUT = '{"url":"https://example.org"}';

interface Scene extends Place {
  readonly root: string;
  readonly token: string;
}

async function newScene(): Promise<Scene> {
  const place = newPlace();
  const root = join(dirname(place.folder), '.local/state/palyra');
  await place.palyra(['init', '--tool', 'palyra.http.fetch']);
  return { ...place, root, token: await trustedToken(openState(root)) };
}

async function ask(scene: Scene, args: readonly string[] = []): Promise<Approval> {
  const { stdout } = await scene.palyra(
    ['approvals', 'request', '--tool', 'palyra.http.fetch', '--principal', 'agent:ci', '--input', '-', ...args],
    { input: INPUT },
  );
  return await findApproval({ store: openState(scene.root) }, stdout.trim());
}

function resolve(scene: Scene, approval: Approval, decision: 'allow' | 'deny') {
  const named = [approval.approval_id, '--decision', decision, '--digest', approval.request_sha256];
  return scene.palyra(['approvals', 'resolve', ...named], { env: { PALYRA_TOKEN: scene.token } });
}

function claim(scene: Scene, approval: Approval, input: string | Uint8Array = INPUT) {
  return scene.palyra(['approvals', 'claim', approval.approval_id, '--input', '-'], { input });
}

async function allow(scene: Scene, approval: Approval): Promise<void> {
  const desk = await openTestDesk({ store: openState(scene.root) });
  desk.time = Date.now();
  const { request_sha256: digest } = approval;
  await settleApproval(desk, approval.approval_id, { decision: 'allow', scope: 'once', digest });
}

async function kindsOf(root: string): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { text } of openState(root).journal.lines()) kinds.push(JSON.parse(JSON.parse(text).body).kind);
  return kinds;
}

async function expectSoundJournal(root: string): Promise<void> {
  expect(await verifyJournal(openState(root))).toMatchObject({ fault: null, torn: null });
}

describe('at the same time', () => {
  test(`${OPERATORS} operators answer one approval: one wins, the others learn what was decided`, async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    const ended = await Promise.all(
      Array.from({ length: OPERATORS }, (_, i) => resolve(scene, approval, i % 2 === 0 ? 'allow' : 'deny')),
    );
    const codes = ended.map(({ code }) => code).sort();
    expect(codes).toEqual([0, ...Array.from({ length: OPERATORS - 1 }, () => 4)]);
    const winner = ended.findIndex(({ code }) => code === 0);
    const { decision } = await findApproval({ store: openState(scene.root) }, approval.approval_id);
    expect(decision).toBe(winner % 2 === 0 ? 'allow' : 'deny');
    for (const { code, stderr } of ended) {
      if (code === 4)
        expect(stderr).toContain(`is decided already: ${decision === 'allow' ? 'allowed once' : 'denied'} by`);
    }
    expect((await kindsOf(scene.root)).filter((kind) => kind === 'approval.resolve')).toHaveLength(1);
    await expectSoundJournal(scene.root);
  });

  test('many executors claim one approval: one runs', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    await allow(scene, approval);
    const ended = await Promise.all(Array.from({ length: 8 }, () => claim(scene, approval)));
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 4, 4, 4, 4, 4, 4, 4]);
    expect((await kindsOf(scene.root)).filter((kind) => kind === 'approval.claim')).toHaveLength(1);
    await expectSoundJournal(scene.root);
  });

  test('answers and the end of the time race: what was acknowledged is what is so', async () => {
    const scene = await newScene();
    const approval = await ask(scene, ['--timeout', '2s']);
    const ended = [];
    for (let i = 0; i < 6; i++) {
      // spread around the moment when it expires
      const wait = approval.expires_at_unix_ms - Date.now() - 700 + i * 150;
      ended.push(sleep(Math.max(0, wait)).then(() => resolve(scene, approval, 'allow')));
    }
    const wins = (await Promise.all(ended)).filter(({ code }) => code === 0).length;
    await scene.palyra(['approvals', 'wait', approval.approval_id, '--timeout', '3s']);
    const { decision } = await findApproval({ store: openState(scene.root) }, approval.approval_id);
    expect([decision, wins]).toEqual(decision === 'allow' ? ['allow', 1] : ['timeout', 0]);
    await expectSoundJournal(scene.root);
  });
});

test(`${KILLS} kills around an answer and a claim: never two, and nothing acknowledged is lost`, async () => {
  const scene = await newScene();
  writeFileSync(join(scene.folder, 'call.json'), INPUT);
  for (let round = 0; round < KILLS; round++) {
    const approval = await ask(scene);
    const { approval_id: id, request_sha256: digest } = approval;
    const cut = (line: string) =>
      scene.bash(`${line} & pid=$!; (sleep ${0.05 + Math.random() * 0.3}; kill -9 $pid) 2>/dev/null & wait $pid`, {
        env: { PALYRA_TOKEN: scene.token },
      });
    const answered = await cut(`palyra approvals resolve ${id} --decision allow --digest ${digest}`);
    const store = { store: openState(scene.root) };
    if (answered.code === 0) expect(await findApproval(store, id)).toMatchObject({ decision: 'allow' });
    if ((await findApproval(store, id)).decision === undefined) await allow(scene, approval);
    const first = await cut(`palyra approvals claim ${id} --input call.json`);
    const second = await claim(scene, approval);
    expect([first.code, second.code].filter((code) => code === 0).length).toBeLessThan(2);
    expect(second.code === 0 || second.code === 4).toBe(true);
    expect((await findApproval(store, id)).used_at_unix_ms).toEqual(expect.any(Number));
  }
  const kinds = await kindsOf(scene.root);
  expect(kinds.filter((kind) => kind === 'approval.claim')).toHaveLength(KILLS);
  expect(kinds.filter((kind) => kind === 'approval.resolve')).toHaveLength(KILLS);
  await expectSoundJournal(scene.root);
});

describe('on the disk', () => {
  test('an answer that is written into the file is refused, and nothing runs', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    const path = join(scene.root, 'approvals.json');
    const forged = JSON.parse(readFileSync(path, 'utf8'));
    Object.assign(forged.approvals[0], { decision: 'allow', decision_scope: 'once', decided_by: 'user:oncall' });
    const text = `${JSON.stringify(forged, null, 2)}\n`;
    writeFileSync(path, text);
    expect((await claim(scene, approval)).code).toBe(14);
    expect((await resolve(scene, approval, 'allow')).code).toBe(14);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('a grant, a digest or an expiry that is edited is refused', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    await allow(scene, approval);
    const path = join(scene.root, 'approvals.json');
    const whole = readFileSync(path, 'utf8');
    const edits: ((book: { approvals: Record<string, unknown>[]; grants: unknown[] }) => void)[] = [
      ({ approvals: [one] }) => Object.assign(one ?? {}, { request_sha256: '0'.repeat(64) }),
      ({ approvals: [one] }) => Object.assign(one ?? {}, { payload_sha256: '0'.repeat(64) }),
      ({ approvals: [one] }) => Object.assign(one ?? {}, { expires_at_unix_ms: 4_000_000_000_000 }),
      ({ grants }) => grants.push({}),
      (book) => book.approvals.splice(0),
    ];
    for (const edit of edits) {
      const book = JSON.parse(whole);
      edit(book);
      writeFileSync(path, `${JSON.stringify(book, null, 2)}\n`);
      expect((await claim(scene, approval)).code).toBe(14);
    }
    rmSync(path);
    expect((await claim(scene, approval)).code).toBe(14);
    writeFileSync(path, whole, { mode: 0o600 });
    expect((await claim(scene, approval)).code).toBe(0);
  });

  test('an old copy that was put back does not make a used approval good again', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    await allow(scene, approval);
    const path = join(scene.root, 'approvals.json');
    const before = readFileSync(path);
    expect((await claim(scene, approval)).code).toBe(0);
    writeFileSync(path, before);
    expect((await claim(scene, approval)).code).toBe(14);
  });

  test('an input that was changed where it is kept is not shown as what was asked for', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    writeFileSync(join(scene.root, 'payloads', approval.payload_sha256), '{}');
    const { code, stdout } = await scene.palyra(['approvals', 'show', approval.approval_id]);
    expect([code, stdout]).toEqual([14, '']);
  });

  test('a posture file that cannot be read disables every tool until it is mended', async () => {
    const scene = await newScene();
    await scene.palyra(['posture', 'set', 'palyra.http.fetch', 'always_allow']);
    const path = join(scene.root, 'tool-posture/registry.json');
    const whole = readFileSync(path);
    const request = () =>
      scene.palyra(['approvals', 'request', '--tool', 'palyra.http.fetch', '--input', '-', '--json'], { input: INPUT });
    for (const damage of ['{', '{"schema_version":3}', '{"schema_version":2,"overrides":[{}]}', '']) {
      writeFileSync(path, damage);
      const { code, stdout } = await request();
      expect([code, JSON.parse(stdout).reason_code]).toEqual([10, 'posture.locked']);
      expect(readFileSync(path, 'utf8')).toBe(damage);
    }
    expect((await scene.palyra(['posture', 'list'])).code).toBe(14);
    const check = [
      'policy',
      'check',
      '--principal',
      'a',
      '--action',
      'tool.execute',
      '--resource',
      'tool:palyra.http.fetch',
    ];
    expect(JSON.parse((await scene.palyra([...check, '--json'])).stdout).posture).toMatchObject({ state: 'disabled' });
    writeFileSync(path, whole);
    expect((await request()).code).toBe(0);
  });

  test('where nothing can be recorded nobody can be asked: denied', async () => {
    const scene = await newScene();
    const { code, stdout } = await scene.palyra(
      ['approvals', 'request', '--tool', 'palyra.http.fetch', '--input', '-', '--json', '--state-root', '/proc/state'],
      { input: INPUT },
    );
    expect([code, JSON.parse(stdout)]).toEqual([
      10,
      {
        schema: 'palyra.approvals.request/1',
        decision: 'deny',
        reason_code: 'approval.no_channel',
        reasons: [{ code: 'approval.no_channel', words: 'it cannot be recorded, so nobody can be asked' }],
      },
    ]);
  });
});

describe('without a terminal', () => {
  const files = (scene: Scene) => readdirSync(scene.root).sort();

  test('neither --yes nor a file that somebody names lets a script answer', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    const toml = '[approvals]\nscripted_resolve = true\n';
    const home = dirname(scene.folder);
    writeFileSync(join(scene.folder, 'palyra.toml'), toml);
    writeFileSync(join(home, 'other.toml'), toml);
    writeFileSync(join(home, '.config/palyra/palyra.toml'), toml);
    const before = files(scene);
    const named = [approval.approval_id, '--decision', 'allow', '--digest', approval.request_sha256, '--yes'];
    for (const env of [{}, { PALYRA_CONFIG: join(home, 'other.toml') }, { XDG_CONFIG_HOME: join(home, '.config') }]) {
      expect((await scene.palyra(['approvals', 'resolve', ...named], { env })).code).toBe(2);
    }
    expect((await scene.palyra(['approvals', 'resolve', ...named, '--config', join(home, 'other.toml')])).code).toBe(2);
    expect((await findApproval({ store: openState(scene.root) }, approval.approval_id)).decision).toBeUndefined();
    expect(files(scene)).toEqual(before);
  });

  test("one's own file does, in the home of the password database", async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    const toml = join(dirname(scene.folder), '.config/palyra/palyra.toml');
    writeFileSync(toml, readFileSync(toml, 'utf8').replace('scripted_resolve = false', 'scripted_resolve = true'));
    const named = `${approval.approval_id} --decision allow --digest ${approval.request_sha256} --json`;
    // root of a namespace of its own, whose home is this one
    const { code, stdout, stderr } = await scene.bash(
      `unshare --map-root-user --mount sh -c 'mount --bind "$HOME" /root && palyra approvals resolve ${named}'`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'palyra.approvals.resolve/1' });
    expect((await findApproval({ store: openState(scene.root) }, approval.approval_id)).decision).toBe('allow');
  });

  test('a token without trust.operate may not answer, one that is not valid neither', async () => {
    const scene = await newScene();
    const approval = await ask(scene);
    const weak = await trustedToken(openState(scene.root), ['sessions.use']);
    expect((await resolve({ ...scene, token: weak }, approval, 'allow')).code).toBe(5);
    expect((await resolve({ ...scene, token: `${scene.token.slice(0, -1)}x` }, approval, 'allow')).code).toBe(10);
    expect((await resolve(scene, approval, 'allow')).code).toBe(0);
  });
});
