import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Scope } from '../../src/approvals/approval.ts';
import type { Cli } from '../../src/cli/cli.ts';
import { wordsOf } from '../../src/cli/command.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { findApproval } from '../../src/flows/find-approval.ts';
import { followPending } from '../../src/flows/follow-approvals.ts';
import { settleApproval } from '../../src/flows/settle-approval.ts';
import { openState, openTestDesk, TOML } from '../flows/gate-desk.ts';
import { newPlace, type Place } from '../palyra.ts';

const CALL = '{"url":"https://example.org"}';

interface Desk extends Place {
  readonly root: string;
  /** an operator's yes */
  readonly allow: (id: string, scope?: Scope) => Promise<void>;
}

function newDesk(): Desk {
  const place = newPlace();
  const home = dirname(place.folder);
  const root = `${home}/.local/state/palyra`;
  mkdirSync(`${home}/.config/palyra`, { recursive: true });
  writeFileSync(`${home}/.config/palyra/palyra.toml`, TOML);
  const allow = async (id: string, scope: Scope = 'once'): Promise<void> => {
    const desk = await openTestDesk({ store: openState(root), login: 'oncall' });
    desk.time = Date.now();
    const { request_sha256: digest } = await findApproval(desk, id);
    await settleApproval(desk, id, { decision: 'allow', scope, digest });
  };
  return { ...place, root, allow };
}

async function ask({ palyra }: Place, ...more: readonly string[]): Promise<string> {
  const args = ['approvals', 'request', '--tool', 'palyra.http.fetch', '--input', '-', ...more];
  return (await palyra(args, { input: CALL })).stdout.trim();
}

/** The id of the one that waits, once it does. */
async function pendingOf({ root }: Desk): Promise<string> {
  const store = openState(root);
  for await (const approval of followPending({ store, clock: Date.now }, AbortSignal.timeout(20_000))) {
    return approval.approval_id;
  }
  throw new Error('nothing waits');
}

describe('the executor of the help', () => {
  test.each(['sh', 'bash'])(
    'makes the call where nobody is asked, and where an operator allows it, in %s',
    async (shell) => {
      const desk = newDesk();
      const program = await buildProgram({} as Cli, '0.0.0', '*');
      const [request] = program.commands.find((noun) => noun.name() === 'approvals')?.commands ?? [];
      const script = (request && wordsOf(request))?.examples.at(-1)?.command ?? '';
      writeFileSync(`${desk.folder}/executor`, script);
      const made = `here {"url":"https://example.org"} is fetched\n`;

      const running = desk.bash(`${shell} executor`);
      const id = await pendingOf(desk);
      await desk.allow(id);
      const asked = await running;
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ ALLOW .*\n/) });
      expect(asked.stdout.endsWith(made)).toBe(true);
      expect(asked.stderr).toContain(`palyra approvals claim ${id} --input …   right before the call\n`);
      expect((await desk.palyra(['approvals', 'claim', id, '--input', 'call.json'])).code).toBe(4);

      const set = ['posture', 'set', 'palyra.http.fetch', 'always_allow', '--yes'];
      expect((await desk.palyra(set)).code).toBe(0);
      expect(await desk.bash(`${shell} executor`)).toEqual({ code: 0, stdout: made, stderr: '' });
    },
  );
});

test.each(['--principal', '--session', '--run', '--channel', '--device', '--skill', '--capability'])(
  'a name that cannot be seen whole is refused as %s',
  async (option) => {
    const asked = ['approvals', 'request', '--tool', 'palyra.http.fetch', '--input', '-', option, 'x\u202ey'];
    const { code, stderr } = await newDesk().palyra(asked, { input: CALL });
    expect([code, stderr.split('\n')[0]]).toEqual([
      2,
      `palyra: error: ${option} has invisible or direction-changing characters`,
    ]);
  },
);

describe('history that is gone', () => {
  test.each([
    ['the journal', ['journal'], 6],
    ['its end', ['journal/end'], 6],
    ['the journal, and what binds it', ['journal', 'checkpoint.json'], 14],
  ])('with %s no command takes for a first run', async (_, gone, verified) => {
    const desk = newDesk();
    const id = await ask(desk);
    await desk.allow(id);
    for (const name of gone) {
      if (name === 'journal/end') truncateSync(`${desk.root}/journal/000000000001.ndjson`, 0);
      else rmSync(`${desk.root}/${name}`, { recursive: true });
    }
    for (const line of [
      ['approvals', 'list'],
      ['approvals', 'list', '--decision', 'pending'],
      ['approvals', 'show', id],
      ['approvals', 'export'],
      ['posture', 'list'],
      ['tokens', 'list'],
      ['journal', 'log'],
      ['flags', 'enable', 'api_tokens'],
    ]) {
      const { code, stdout } = await desk.palyra(line);
      expect({ line, code, stdout }).toEqual({ line, code: 14, stdout: '' });
    }
    expect((await desk.palyra(['journal', 'verify'])).code).toBe(verified);
    expect((await desk.palyra(['doctor'])).code).toBe(6);
  });
});

describe('what is told', () => {
  test('a wrong digest is not answered with the right one', async () => {
    const desk = newDesk();
    const id = await ask(desk);
    const gate = await openTestDesk({ store: openState(desk.root) });
    gate.time = Date.now();
    const { request_sha256: digest } = await findApproval(gate, id);
    const refused = settleApproval(gate, id, { decision: 'allow', scope: 'once', digest: '00000000' });
    const error = await refused.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'store.conflict', why: 'what waits is not what you looked at' });
    expect(JSON.stringify(error)).not.toContain(digest.slice(0, 8));
  });

  test('a grant that has ended is revoked already', async () => {
    const desk = newDesk();
    const id = await ask(desk, '--session', 'demo');
    await desk.allow(id, 'session');
    const { items } = JSON.parse((await desk.palyra(['--json', 'approvals', 'grants', 'list'])).stdout);
    const revoke = ['approvals', 'grants', 'revoke', items[0].grant_id];
    const short = items[0].grant_id.slice(-6);
    const said = [];
    for (const line of [['-n', ...revoke], revoke, revoke, ['-n', ...revoke]])
      said.push((await desk.palyra(line)).stderr);
    const me = `revoked by user:${userInfo().username}  …${short}\n`;
    expect(said).toEqual([`would be ${me}`, me, `already ${me}`, `already ${me}`]);
    const { stdout } = await desk.palyra(['approvals', 'list']);
    expect(stdout).toContain('allowed for the session by user:oncall');
  });

  test('what is no id is said to be none, with what one is', async () => {
    const { code, stderr } = await newDesk().palyra(['approvals', 'show', 'abc']);
    expect([code, stderr]).toEqual([
      2,
      `palyra: error: not the id of an approval: abc
palyra: hint:  palyra approvals list   shows the ids, of which at least the last 6 characters are needed
`,
    ]);
  });
});

test('with --json a denial is JSON on standard output, and an error is JSON on standard error', async () => {
  const desk = newDesk();
  const id = await ask(desk);
  const request = ['approvals', 'request', '--json', '--input', '-', '--tool'];
  const claim = ['approvals', 'claim', '--json', '--input', '-'];
  const schemas = async (args: readonly string[], env = {}): Promise<unknown[]> => {
    const { code, stdout, stderr } = await desk.palyra(args, { input: CALL, env });
    return [code, ...[stdout, stderr].map((text) => (text === '' ? '' : JSON.parse(text).schema))];
  };
  expect(await schemas([...request, 'palyra.fs.read_file'])).toEqual([10, 'palyra.approvals.request/1', '']);
  expect(await schemas([...claim, id])).toEqual([11, 'palyra.approvals.claim/1', '']);
  for (const args of [
    [...request, 'palyra.echo'],
    [...claim, id],
  ]) {
    expect(await schemas(args, { PALYRA_TOKEN: 'nobody' })).toEqual([10, '', 'palyra.error/1']);
    expect(await schemas(args.map((arg) => (arg === '-' ? 'absent' : arg)))).toEqual([3, '', 'palyra.error/1']);
  }
});

describe('a claim', () => {
  test('with --dry-run says what would be, and uses nothing up', async () => {
    const desk = newDesk();
    const id = await ask(desk);
    await desk.allow(id);
    const args = ['approvals', 'claim', id, '--tool', 'palyra.http.fetch', '--input', '-'];
    const would = await desk.palyra(['-n', ...args], { input: CALL });
    expect(would.stdout).toBe(`✓ would allow  palyra.http.fetch, by approval …${id.slice(-6)} of user:oncall\n`);
    const json = JSON.parse((await desk.palyra(['-n', '--json', ...args], { input: CALL })).stdout);
    expect(json).toMatchObject({ decision: 'allow', state: 'allowed', changed: false });
    expect((await desk.palyra(args, { input: CALL })).stdout).toBe(
      `✓ ALLOW  palyra.http.fetch, by approval …${id.slice(-6)} of user:oncall\n`,
    );
  });

  test('tells programs what it is about, and refuses another tool with a code of its own', async () => {
    const desk = newDesk();
    const id = await ask(desk, '--principal', 'agent:report');
    await desk.allow(id);
    const claim = (tool: string) =>
      desk.palyra(['--json', 'approvals', 'claim', id, '--tool', tool, '--input', '-'], { input: CALL });
    const subject = {
      principal: 'agent:report',
      action: 'tool.execute',
      resource: 'tool:palyra.http.fetch',
      tool_name: 'palyra.http.fetch',
      skill_id: null,
    };
    const other = await claim('palyra.echo');
    expect(other.code).toBe(4);
    expect(JSON.parse(other.stdout)).toMatchObject({
      reason_code: 'approval.call_differs',
      state: 'allowed',
      ...subject,
    });
    const same = await claim('palyra.http.fetch');
    expect(same.code).toBe(0);
    expect(JSON.parse(same.stdout)).toMatchObject({ decision: 'allow', state: 'used', changed: true, ...subject });
  });
});
