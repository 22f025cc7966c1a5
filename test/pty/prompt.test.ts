import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stateOf as judge } from '../../src/approvals/approval.ts';
import type { Proposal } from '../../src/approvals/proposal.ts';
import { changePosture } from '../../src/flows/change-posture.ts';
import { findApproval } from '../../src/flows/find-approval.ts';
import { requestApproval } from '../../src/flows/request-approval.ts';
import { settleApproval } from '../../src/flows/settle-approval.ts';
import { GLOBAL } from '../../src/posture/change.ts';
import { proposeCall, proposeRun } from '../approvals/samples.ts';
import { openState, openTestDesk, type TestDesk, TOML } from '../flows/gate-desk.ts';
import { newPlace, type Place } from '../palyra.ts';
import { openTerminal, type TerminalSettings } from './terminal.ts';

const ASKED = '? Decision (Enter skips)';

interface Desk extends Place {
  readonly gate: TestDesk;
}

/** A place where palyra.http.fetch is high risk, and palyra.echo low risk and asked for. */
async function newDesk(): Promise<Desk> {
  const place = newPlace();
  const home = dirname(place.folder);
  mkdirSync(`${home}/.config/palyra`, { recursive: true });
  writeFileSync(`${home}/.config/palyra/palyra.toml`, TOML);
  const gate = await openTestDesk({ store: openState(`${home}/.local/state/palyra`) });
  gate.time = Date.now();
  await changePosture(gate, [{ tool: 'palyra.echo', scope: GLOBAL, state: 'ask_each_time' }]);
  return { ...place, gate };
}

/** Ask for a call; gives the approval's id. */
async function ask(
  desk: Desk,
  input = '{"say":"hello"}',
  { tool = 'palyra.echo', summary = '', timeoutMs = 900_000 } = {},
): Promise<string> {
  const proposal = { ...proposeCall(tool), payload: Buffer.from(input), summary };
  return await record(desk, proposal, timeoutMs);
}

async function record({ gate }: Desk, proposal: Proposal, timeoutMs = 900_000): Promise<string> {
  gate.time = Date.now();
  const { answer } = await requestApproval(gate, proposal, timeoutMs);
  if (answer.decision !== 'ask') throw new Error(`not asked for, but ${answer.decision}`);
  return answer.approval.approval_id;
}

async function stateOf({ gate }: Desk, id: string) {
  const approval = await findApproval(gate, id);
  return { ...approval, state: judge(approval, Date.now()) };
}

function resolve(place: Place, settings: Partial<TerminalSettings> = {}, args: readonly string[] = []) {
  return openTerminal(['approvals', 'resolve', ...args], {
    cwd: place.folder,
    home: dirname(place.folder),
    ...settings,
  });
}

describe('who may answer', () => {
  test('a pipe cannot approve', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const { code, stderr } = await place.bash('yes a | palyra approvals resolve');
    expect([code, stderr.split('\n')[0]]).toEqual([2, 'palyra: error: a person must answer, and there is no terminal']);
    expect(
      (await place.bash(`yes | palyra approvals resolve ${id} --yes --decision allow --digest 00000000`)).code,
    ).toBe(2);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });

  test('a terminal on standard input alone is not enough, nor one with --no-input', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const blind = openTerminal([], {
      cwd: place.folder,
      home: dirname(place.folder),
      command: ['/bin/sh', '-c', `palyra approvals resolve 2>err.txt`],
      env: { PATH: `${dirname(place.folder)}/bin:/usr/bin:/bin` },
    });
    expect(await blind.ends()).toBe(2);
    expect(await resolve(place, {}, ['--no-input']).ends()).toBe(2);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });
});

describe('keys', () => {
  test('Enter skips, and leaves it pending', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const person = resolve(place);
    await person.sees(ASKED);
    person.type('\r');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });

  test('what was typed before and in the first 400 ms counts for nothing', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const person = resolve(place);
    person.type('a\ra\r');
    await person.sees('1 approval pending');
    person.type('a\r');
    await person.sees('q  quit');
    person.type('a\ra\ra\r');
    await person.sees(ASKED);
    person.type('\r');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });

  test('a low risk is allowed by its key', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const person = resolve(place, {}, ['--reason', 'looks fine']);
    await person.sees(ASKED);
    person.type('a\r');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({
      state: 'allowed',
      decision_scope: 'once',
      decision_reason: 'looks fine',
    });
  });

  test('a high risk is not: the end of its id must be typed', async () => {
    const place = await newDesk();
    const id = await ask(place, '{}', { tool: 'palyra.http.fetch' });
    const person = resolve(place);
    await person.sees(ASKED);
    person.type('a\r');
    await person.sees(`High risk. Type ${id.slice(-6)} to allow once`);
    person.type('a\r');
    await person.sees('not allowed: that is not its id');
    await person.sees(ASKED);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
    person.type('a\r');
    await person.sees('High risk.');
    person.type(`${id.slice(-6).toLowerCase()}\r`);
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'allowed' });
  });

  test('a denial carries its reason to the agent', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const person = resolve(place);
    await person.sees(ASKED);
    person.type('d\r');
    await person.sees('Reason, which the agent will read');
    person.type('use a branch\r');
    expect(await person.ends()).toBe(0);
    const claim = await place.palyra(['approvals', 'claim', id, '--input', '-'], { input: '{"say":"hello"}' });
    expect([claim.code, claim.stdout]).toEqual([
      10,
      '✗ DENY   approval.denied\n  approval.denied: denied by user:root ("use a branch")\n',
    ]);
  });

  test('a timed allow lasts as long as is said, and no longer than 8 h', async () => {
    const place = await newDesk();
    await ask(place);
    const person = resolve(place);
    await person.sees(ASKED);
    person.type('t\r');
    await person.sees('For how long');
    person.type('9h\r');
    await person.sees('at most 8h');
    await person.sees(ASKED);
    person.type('t\r');
    await person.sees('For how long');
    person.type('2h\r');
    expect(await person.ends()).toBe(0);
    const { items } = JSON.parse((await place.palyra(['approvals', 'grants', 'list', '--json'])).stdout);
    expect(items).toMatchObject([{ scope: 'timeboxed', standing: true }]);
    expect(items[0].expires_at_unix_ms - items[0].created_at_unix_ms).toBe(7_200_000);
  });

  test.each([
    ['Ctrl-C', '\u0003', 130],
    ['Ctrl-D', '\u0004', 0],
    ['q', 'q\r', 0],
  ])('%s leaves all that is pending as it is', async (_, keys, code) => {
    const place = await newDesk();
    const ids = [await ask(place), await ask(place)];
    const person = resolve(place);
    await person.sees(ASKED);
    person.type(keys);
    expect(await person.ends()).toBe(code);
    for (const id of ids) expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });

  test('Ctrl-C is heard while other keys are not', async () => {
    const place = await newDesk();
    await ask(place);
    const person = resolve(place);
    await person.sees('q  quit');
    person.type('\u0003');
    expect(await person.ends()).toBe(130);
  });
});

describe('what is shown', () => {
  const HOSTILE: Readonly<Record<string, [string, string]>> = {
    'a clear screen': ['\u001b[2J\u001b[1;1H', '\\u{1b}[2J\\u{1b}[1;1H'],
    'a title and a link': ['\u001b]0;x\u0007\u001b]8;;http://e\u001b\\', '\\u{1b}]0;x\\u{7}'],
    'a C1 control': ['\u009b31m', '\\u{9b}31m'],
    'a carriage return': ['rm -rf /\recho hi', 'rm -rf /\\u{d}echo hi'],
    'a backspace': ['x\b\b', 'x\\u{8}\\u{8}'],
    'right to left': ['\u202etxt.exe\u2066', '\\u{202e}txt.exe\\u{2066}'],
    'zero width': ['pass\u200bword\ufeff', 'pass\\u{200b}word\\u{feff}'],
    'tag characters': ['\u{e0041}\u{e007f}', '\\u{e0041}\\u{e007f}'],
    'a backslash escape': ['\\u{202e}', '\\\\u{202e}'],
  };

  test('whatever could act on a terminal is escaped, in the input and in what the agent says', async () => {
    const desk = await newDesk();
    const all = Object.values(HOSTILE)
      .map(([text]) => text)
      .join(' | ');
    await ask(desk, all, { summary: all });
    const person = resolve(desk, { columns: 400 });
    await person.sees(ASKED);
    for (const [name, [, shown]] of Object.entries(HOSTILE)) expect(person.text().split(shown), name).toHaveLength(3);
    expect(person.text()).toContain('agent says (written by the agent, not checked): "');
    const screen = person.raw().slice(0, person.raw().indexOf('q  quit')).replaceAll('\r\n', '');
    expect(screen).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e\u2066\ufeff\u{e0000}-\u{e007f}]/u);
    expect(screen).toMatch(/! \d+ invisible or direction-changing characters are shown escaped/);
    person.type('\r');
    await person.ends();
  });

  test('line breaks cannot imitate our rows', async () => {
    const place = await newDesk();
    const rows = '{\n\n  a  allow once         nothing at all\n  digest    00000000\n? Decision (Enter skips) a\n}';
    await ask(place, rows, { summary: rows.slice(0, 1000) });
    const person = resolve(place);
    await person.sees('q  quit');
    await person.sees(ASKED);
    const ours = person.text().split('\n');
    expect(ours.filter((row) => row.startsWith('  a  allow once'))).toEqual([
      '  a  allow once         exactly this input, now',
    ]);
    expect(ours.filter((row) => row.startsWith('  digest'))).toHaveLength(1);
    expect(ours).toContain('              a  allow once         nothing at all\\u{a}');
    person.type('\r');
    await person.ends();
  });

  test('a line of 10 kB is shown whole, and paged to its end before anything can be allowed', async () => {
    const place = await newDesk();
    const line = Array.from({ length: 1000 }, (_, i) => `word-${String(i).padStart(4, '0')}`).join(' ');
    const id = await ask(place, line);
    const person = resolve(place, { columns: 80, rows: 24 });
    let pages = 0;
    for (;;) {
      await person.sees(/more rows?: Enter, or q|\? Decision/);
      if (person.text().includes('? Decision')) break;
      // any answer goes on to the next page: none of them allows
      person.type('a\r');
      await person.sees('\n');
      pages++;
    }
    expect(pages).toBeGreaterThan(4);
    const shown = person
      .text()
      .split('\n')
      .filter((row) => /^ {12}| {2}input/.test(row))
      .map((row) => row.slice(12))
      .join('');
    expect(shown.replaceAll(' ', '')).toContain(line.replaceAll(' ', ''));
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
    person.type('\r');
    expect(await person.ends()).toBe(0);
  });

  test('q on a page leaves it pending', async () => {
    const place = await newDesk();
    const id = await ask(place, 'x'.repeat(5000));
    const person = resolve(place);
    await person.sees('Enter, or q');
    person.type('q\r');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
  });

  test.each([
    [40, 40],
    [100, 10],
    [40, 10],
  ])('a terminal of %i columns and %i rows still shows everything', async (columns, rows) => {
    const place = await newDesk();
    const id = await record(place, proposeRun());
    const person = resolve(place, { columns, rows });
    for (;;) {
      await person.sees(/more rows?: Enter, or q|\? Decision/);
      if (person.text().includes('? Decision')) break;
      person.type('\r');
      await person.sees('\n');
    }
    const ours = person
      .text()
      .split('\n')
      .filter((row) => !row.startsWith('?'));
    const shown = ours.join('').replaceAll(' ', '');
    for (const part of [
      'risk HIGH',
      'user:ops',
      'session-1',
      'tier c (bubblewrap)',
      'egress strict: git.example.org',
      'in /srv/demo',
      (await stateOf(place, id)).request_sha256.slice(0, 8),
      'git',
      'push',
      '--force',
      'main',
      'publishing the fix',
      'argv[0..1]=["git","push"]',
      'session=session-1',
    ]) {
      expect(shown).toContain(part.replaceAll(' ', ''));
    }
    expect(ours.filter((row) => row.startsWith('  ') && row.length >= columns)).toEqual([]);
    person.type('\r');
    await person.ends();
  });

  test('a secret is masked; commands, paths and hosts are not', async () => {
    const place = await newDesk();
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    await ask(place, `curl -H "Authorization: ${secret}" https://example.org/srv`);
    const person = resolve(place, { columns: 200 });
    await person.sees(ASKED);
    expect(person.text()).toContain(
      'curl -H "Authorization: ghp_[36 more characters, masked]" https://example.org/srv',
    );
    expect(person.text()).toContain('! 1 secret masked; view everything');
    expect(person.raw()).not.toContain(secret);
    person.type('v\r');
    await person.sees('! 1 secret that was masked, shown from here on');
    await person.sees(`curl -H "Authorization: ${secret}" https://example.org/srv`);
    await person.sees(ASKED);
    person.type('\r');
    await person.ends();
  });
});

describe('while a person looks', () => {
  test('the end of its time closes the question', async () => {
    const place = await newDesk();
    const id = await ask(place, '{}', { timeoutMs: 3000 });
    const person = resolve(place);
    await person.sees(ASKED);
    await person.sees('no longer pending: nobody answered in time');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'timed_out', decision: 'timeout', decided_by: 'system' });
  });

  test('a decision made elsewhere is shown, and stays', async () => {
    const place = await newDesk();
    const id = await ask(place);
    const person = resolve(place);
    await person.sees(ASKED);
    const other = await openTestDesk({
      store: openState(`${dirname(place.folder)}/.local/state/palyra`),
      login: 'oncall',
    });
    other.time = Date.now();
    await settleApproval(other, id, { decision: 'deny', reason: 'use a branch' });
    await person.sees('no longer pending: denied by user:oncall ("use a branch")');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, id)).toMatchObject({ state: 'denied', decided_by: 'user:oncall' });
  });
});

describe.each([
  ['missing', (path: string) => rmSync(path)],
  ['not what was asked with', (path: string) => writeFileSync(path, '{"say":"harmless"}')],
])('an input that is %s', (wrong, spoil) => {
  test('is said, can be denied alone, and stops neither the queue nor the doctor', async () => {
    const place = await newDesk();
    const [spoilt, next] = [await ask(place), await ask(place, '{"say":"next"}')];
    const { payload_sha256: digest, request_sha256 } = await stateOf(place, spoilt);
    spoil(`${dirname(place.folder)}/.local/state/palyra/payloads/${digest}`);

    const { code, stdout } = await place.palyra(['doctor']);
    expect([code, stdout]).toEqual([6, expect.stringContaining(`✗ the input of …${spoilt.slice(-6)} is ${wrong}`)]);
    const operator = { decision: 'allow', scope: 'once', digest: request_sha256 } as const;
    await expect(settleApproval(place.gate, spoilt, operator)).rejects.toMatchObject({
      code: 'store.unsafe',
      hint: 'palyra doctor',
    });

    const person = resolve(place);
    await person.sees(`! the input of …${spoilt.slice(-6)} is ${wrong}`);
    await person.sees(ASKED);
    expect(person.text()).not.toContain('allow once');
    person.type('a\r');
    await person.sees('no such choice; it is one of d, k, q');
    await person.sees(ASKED);
    person.type('d\r');
    await person.sees('Reason');
    person.type('\r');
    await person.sees('{"say":"next"}');
    await person.sees(ASKED);
    person.type('\r');
    expect(await person.ends()).toBe(0);
    expect([await stateOf(place, spoilt), await stateOf(place, next)]).toMatchObject([
      { state: 'denied' },
      { state: 'pending' },
    ]);
  });
});

describe('after one that ended under the operator’s eyes', () => {
  test('keys typed for it do not answer the next, which comes only with Enter', async () => {
    const place = await newDesk();
    const [gone, next] = [await ask(place, '{}', { timeoutMs: 3000 }), await ask(place, '{"say":"next"}')];
    const person = resolve(place);
    await person.sees(ASKED);
    await person.sees('no longer pending');
    person.type('a\r');
    await person.sees('? Enter to go on, q to quit');
    person.type('a\r');
    await person.sees('only Enter goes on');
    await person.sees('? Enter to go on, q to quit');
    expect(person.text()).not.toContain('{"say":"next"}');
    person.type('\r');
    await person.sees('{"say":"next"}');
    await person.sees(ASKED);
    person.type('q\r');
    expect(await person.ends()).toBe(0);
    expect([await stateOf(place, gone), await stateOf(place, next)]).toMatchObject([
      { state: 'timed_out' },
      { state: 'pending' },
    ]);
  });

  test('q leaves the rest pending', async () => {
    const place = await newDesk();
    const [, next] = [await ask(place, '{}', { timeoutMs: 3000 }), await ask(place, '{"say":"next"}')];
    const person = resolve(place);
    await person.sees('? Enter to go on, q to quit');
    person.type('q\r');
    expect(await person.ends()).toBe(0);
    expect(await stateOf(place, next ?? '')).toMatchObject({ state: 'pending' });
  });
});

test('PALYRA_A11Y=1 asks plain numbered questions, and draws nothing over', async () => {
  const place = await newDesk();
  const id = await ask(place);
  const person = resolve(place, { env: { PALYRA_A11Y: '1' } });
  await person.sees('1  allow once');
  await person.sees('4  deny');
  await person.sees('Number (Enter skips): ');
  expect(person.raw()).not.toContain('\u001b');
  person.type('1\r');
  expect(await person.ends()).toBe(0);
  expect(await stateOf(place, id)).toMatchObject({ state: 'allowed' });
});

test.each([
  ['Ctrl-C', '\u0003', 130],
  ['Enter', '\r', 0],
])('with PALYRA_A11Y=1, too, %s leaves it pending', async (_, keys, code) => {
  const place = await newDesk();
  const id = await ask(place);
  const person = resolve(place, { env: { PALYRA_A11Y: '1' } });
  await person.sees('Number (Enter skips): ');
  person.type(keys);
  expect(await person.ends()).toBe(code);
  expect(await stateOf(place, id)).toMatchObject({ state: 'pending' });
});

test('without anything pending there is nothing to ask', async () => {
  const place = await newDesk();
  const person = resolve(place);
  await person.sees('nothing is pending');
  expect(await person.ends()).toBe(0);
});
