import { describe, expect, test } from 'vitest';
import { registryShape } from '../../src/access/registry.ts';
import { type Approval, decisionWords, stateOf, type Verdict } from '../../src/approvals/approval.ts';
import { PENDING_LIMIT } from '../../src/approvals/book.ts';
import { exportLines } from '../../src/approvals/export.ts';
import type { Proposal } from '../../src/approvals/proposal.ts';
import { canonicalJson } from '../../src/canonical.ts';
import { changePosture } from '../../src/flows/change-posture.ts';
import { type Claimed, claimApproval } from '../../src/flows/claim-approval.ts';
import { findApproval, readApprovals } from '../../src/flows/find-approval.ts';
import { awaitDecision, followPending } from '../../src/flows/follow-approvals.ts';
import { requestApproval } from '../../src/flows/request-approval.ts';
import { revokeGrant } from '../../src/flows/revoke-grant.ts';
import { settleApproval, settleOverdue } from '../../src/flows/settle-approval.ts';
import { ulid } from '../../src/ids.ts';
import { GLOBAL } from '../../src/posture/change.ts';
import { sha256 } from '../../src/sha256.ts';
import { NOW, proposeCall, proposeRun } from '../approvals/samples.ts';
import { openTestDesk, type TestDesk, TOML } from './gate-desk.ts';

const FETCH = proposeCall('palyra.http.fetch');
const PAYLOAD = { payload: FETCH.payload };

async function ask(desk: TestDesk, proposal: Proposal = FETCH, timeoutMs = 900_000): Promise<Approval> {
  const { answer } = await requestApproval(desk, proposal, timeoutMs);
  if (answer.decision !== 'ask') throw new Error(`not asked for, but ${answer.decision}`);
  return answer.approval;
}

function allow(approval: Approval, more: Partial<Verdict & { decision: 'allow' }> = {}): Verdict {
  return { decision: 'allow', scope: 'once', digest: approval.request_sha256, ...more };
}

async function claim(desk: TestDesk, approval: Approval, claimed: Claimed = PAYLOAD): Promise<string> {
  const { answer } = await claimApproval(desk, approval.approval_id, claimed);
  return answer.outcome === 'allowed'
    ? 'allowed'
    : `${answer.outcome} ${answer.reasons.map(({ code }) => code).join(' ')}`;
}

describe('a claim', () => {
  test('is good once, and only after an allow', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    expect(await claim(desk, approval)).toBe('pending approval.pending');
    await settleApproval(desk, approval.approval_id, allow(approval, { reason: 'ok' }));
    expect(await claim(desk, approval)).toBe('allowed');
    expect(await claim(desk, approval)).toBe('conflict approval.used');
  });

  test('carries who allowed it, why and for what', async () => {
    const desk = await openTestDesk({ login: 'oncall' });
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, allow(approval, { reason: 'ok' }));
    const { answer } = await claimApproval(desk, approval.approval_id, PAYLOAD);
    if (answer.outcome !== 'allowed') throw new Error(answer.outcome);
    expect(answer.authority.ground).toMatchObject({
      kind: 'approval',
      approval: { decided_by: 'user:oncall', decision_reason: 'ok', request_sha256: approval.request_sha256 },
    });
    expect(answer.authority.call.requestSha256).toBe(approval.request_sha256);
  });

  test('is good as long after the answer as the question was given, and no longer, whatever the scope', async () => {
    for (const scope of ['once', 'session'] as const) {
      const desk = await openTestDesk();
      const approval = await ask(desk, proposeRun(), 600_000);
      desk.time = NOW + 500_000;
      await settleApproval(desk, approval.approval_id, allow(approval, { scope }));
      const head = await desk.store.journal.boundHead();
      desk.time = NOW + 500_000 + 600_000;
      const lapsed = await findApproval(desk, approval.approval_id);
      expect(stateOf(lapsed, desk.time - 1)).toBe('allowed');
      expect(decisionWords(lapsed, desk.time)).toBe(
        `allowed ${scope === 'once' ? 'once' : 'for the session'} by user:ops, and lapsed`,
      );
      // nobody writes it down
      expect(await desk.store.journal.boundHead()).toEqual(head);
      expect(await claim(desk, approval, proposeRun())).toBe('denied approval.lapsed');
    }
  });

  test('with one byte changed, or the same JSON in other bytes, is refused and uses nothing up', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, allow(approval));
    for (const text of ['{"url":"https://example.orh"}', '{"url": "https://example.org"}', '', `${FETCH.payload} `]) {
      expect(await claim(desk, approval, { payload: Buffer.from(text) })).toBe('conflict approval.input_differs');
    }
    expect(await claim(desk, approval)).toBe('allowed');
  });

  test('of another tool, skill, action or resource than was approved is refused and uses nothing up', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk, proposeCall('palyra.plugin.run', { skill_id: 'acme.report' }));
    await settleApproval(desk, approval.approval_id, allow(approval));
    for (const named of [
      { tool: 'palyra.echo' },
      { tool: '' },
      { tool: 'palyra.plugin.run', skill: 'acme.other' },
      { skill: 'acme.report' },
      { action: 'memory.purge' },
      { tool: 'palyra.plugin.run', resource: 'tool:palyra.echo' },
    ]) {
      expect(await claim(desk, approval, { ...PAYLOAD, named })).toBe('conflict approval.call_differs');
    }
    const named = { tool: 'PALYRA.plugin.run', skill: 'acme.report', resource: 'tool:palyra.plugin.run' };
    expect(await claim(desk, approval, { ...PAYLOAD, named })).toBe('allowed');
  });

  test('of a command with anything changed is refused', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk, proposeRun());
    await settleApproval(desk, approval.approval_id, allow(approval));
    for (const change of [
      { argv: ['git', 'push'] },
      { cwd: '/' },
      { tier: 'b' },
      { egress: 'none' },
      { env_names: [] },
    ] as const) {
      expect(await claim(desk, approval, proposeRun(change))).toBe('conflict approval.call_differs');
    }
    expect(await claim(desk, approval, { ...proposeRun(), summary: 'other words' })).toBe('allowed');
  });

  test('is refused once the policies, the configuration or the posture have changed', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, allow(approval));
    const policies = '@id("new") forbid (principal, action, resource) when { context.channel == "x" };';
    const { gate: other } = await openTestDesk({ policies });
    expect(await claim({ ...desk, gate: other } as TestDesk, approval)).toBe('conflict approval.policy_changed');
    const { gate: narrower } = await openTestDesk({ toml: `${TOML}\n[approvals]\ntimeout_seconds = 60` });
    expect(await claim({ ...desk, gate: narrower } as TestDesk, approval)).toBe('conflict approval.policy_changed');
    await changePosture(desk, [{ tool: 'palyra.http.fetch', scope: GLOBAL, state: 'disabled' }]);
    expect(await claim(desk, approval)).toBe('denied posture.disabled');
  });

  test('of a denial tells the operator’s reason', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, { decision: 'deny', reason: 'use a branch' });
    const { answer } = await claimApproval(desk, approval.approval_id, PAYLOAD);
    expect(answer).toMatchObject({
      outcome: 'denied',
      reasons: [{ code: 'approval.denied', words: 'denied by user:ops ("use a branch")' }],
    });
  });

  test('counts towards the budget of its run', async () => {
    const toml = TOML.replace('[tool_call]', '[tool_call]\nmax_calls_per_run = 1');
    const desk = await openTestDesk({ toml });
    const asked = [await ask(desk, proposeRun()), await ask(desk, proposeRun())];
    for (const approval of asked) await settleApproval(desk, approval.approval_id, allow(approval));
    const outcomes = [];
    for (const approval of asked) outcomes.push(await claim(desk, approval, proposeRun()));
    expect(outcomes).toEqual(['allowed', 'denied budget.exhausted']);
  });
});

test('ten thousand may wait; the next one is refused, and whatever is answered makes room', async () => {
  const desk = await openTestDesk();
  const first = await ask(desk);
  const waiting = Array.from({ length: PENDING_LIMIT }, (_, n) => ({
    ...first,
    approval_id: ulid(NOW, Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, n >> 8, n & 255])),
  }));
  await desk.store.transact(['approvals'], ({ approvals: book }) => ({
    answer: null,
    entries: [
      {
        timeUnixMs: NOW,
        actor: { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' },
        kind: 'doctor.repair',
        payload: {},
      },
    ],
    documents: { approvals: { ...book, approvals: waiting } },
  }));
  await expect(ask(desk)).rejects.toMatchObject({ code: 'input.too_large' });
  const { approvals: book } = await desk.store.read('approvals');
  expect(book.approvals.length).toBe(PENDING_LIMIT);
  await settleApproval(desk, waiting[0]?.approval_id ?? '', { decision: 'deny' });
  expect((await ask(desk)).decision).toBeUndefined();
});

describe('an answer', () => {
  test('to what is decided already is a conflict that says what was decided', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, { decision: 'deny', reason: 'no' });
    await expect(settleApproval(desk, approval.approval_id, allow(approval))).rejects.toMatchObject({
      code: 'store.conflict',
      message: expect.stringContaining('denied by user:ops ("no")'),
    });
    expect(await claim(desk, approval)).toBe('denied approval.denied');
  });

  test('that names another digest than the one that was seen decides nothing', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    for (const digest of [
      '0'.repeat(64),
      '00000000',
      approval.request_sha256.slice(0, 7),
      `${approval.request_sha256}0`,
      '',
    ]) {
      await expect(settleApproval(desk, approval.approval_id, allow(approval, { digest }))).rejects.toMatchObject({
        code: 'store.conflict',
      });
    }
    await settleApproval(desk, approval.approval_id, allow(approval, { digest: approval.request_sha256.slice(0, 8) }));
    expect(await claim(desk, approval)).toBe('allowed');
  });

  test('after the time is over is too late; the timeout is written down by whoever sees it first', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk, FETCH, 60_000);
    desk.time = NOW + 60_000;
    await expect(settleApproval(desk, approval.approval_id, allow(approval))).rejects.toMatchObject({
      code: 'store.conflict',
    });
    expect(await claim(desk, approval)).toBe('denied approval.timed_out');
    expect(await findApproval(desk, approval.approval_id)).toMatchObject({ decision: 'timeout', decided_by: 'system' });
    await settleOverdue(desk);
    const history = await readApprovals(desk);
    expect(history.map(({ decision }) => decision)).toEqual(['timeout']);
  });

  test('of one of two that look alike does not decide the other', async () => {
    const desk = await openTestDesk();
    const [one, other] = [await ask(desk), await ask(desk)];
    await settleApproval(desk, one.approval_id, allow(one));
    expect(await claim(desk, other)).toBe('pending approval.pending');
  });

  test('for a session cannot be given where there is none, nor for what is always asked for', async () => {
    const desk = await openTestDesk();
    const plugin = await ask(desk, proposeCall('palyra.plugin.run', { skill_id: 'acme.report' }));
    const lonely = await ask(desk, proposeCall('palyra.http.fetch', { session_id: '' }));
    for (const approval of [plugin, lonely]) {
      await expect(
        settleApproval(desk, approval.approval_id, allow(approval, { scope: 'session' })),
      ).rejects.toMatchObject({
        code: 'usage.invalid',
      });
    }
    await expect(
      settleApproval(desk, lonely.approval_id, allow(lonely, { scope: 'timeboxed', ttlMs: 8 * 3_600_000 + 1 })),
    ).rejects.toMatchObject({ code: 'usage.invalid' });
  });

  test('with rbac on needs trust.operate, and is never one’s own', async () => {
    const desk = await openTestDesk();
    const empty = registryShape.empty();
    const member = (principal: string, role: 'owner' | 'admin') => ({
      membership_id: principal,
      workspace_id: 'w',
      principal,
      role,
      created_by_principal: 'p',
      created_at_unix_ms: 0,
      updated_at_unix_ms: 0,
    });
    const workspace = { workspace_id: 'w', team_id: 't', slug: 'w', display_name: 'W', created_by_principal: 'p' };
    const registry = {
      ...empty,
      feature_flags: empty.feature_flags.map((flag) => ({ ...flag, enabled: true })),
      workspaces: [{ ...workspace, created_at_unix_ms: 0, updated_at_unix_ms: 0 }],
      memberships: [member('user:ops', 'owner'), member('user:bob', 'admin'), member('user:eve', 'owner')],
    };
    const actor = { principal: 'p', uid: 1, pid: 1, host: 'h' };
    const entry = { timeUnixMs: NOW, actor, kind: 'doctor.repair', payload: {} } as const;
    await desk.store.transact(['registry'], () => ({ answer: null, entries: [entry], documents: { registry } }));
    const as = (login: string): TestDesk => ({ ...desk, by: { ...desk.by, login } }) as TestDesk;
    const approval = await ask(desk);
    const verdict = allow(approval);
    const id = approval.approval_id;
    await expect(settleApproval(as('bob'), id, verdict)).rejects.toMatchObject({ code: 'access.forbidden' });
    await expect(settleApproval(desk, id, verdict)).rejects.toMatchObject({ code: 'access.forbidden' });
    await expect(settleApproval({ ...desk, by: { ...desk.by, as: 'user:eve' } }, id, verdict)).rejects.toMatchObject({
      code: 'access.forbidden',
    });
    await expect(ask(as('bob'))).rejects.toMatchObject({ code: 'access.forbidden' });
    await settleApproval(as('eve'), id, verdict);
    expect(await findApproval(desk, id)).toMatchObject({ decided_by: 'user:eve' });

    // asking as somebody else does not make it somebody else's question
    const asAgent = (login: string): TestDesk => ({ ...desk, by: { ...desk.by, login, as: 'agent:x' } }) as TestDesk;
    const disguised = await ask(asAgent('eve'), proposeCall('palyra.http.fetch', {}, 'agent:x'));
    expect(disguised).toMatchObject({ principal: 'agent:x', requested_by: 'user:eve' });
    for (const own of [as('eve'), asAgent('eve'), asAgent('ops')]) {
      await expect(settleApproval(own, disguised.approval_id, allow(disguised))).rejects.toMatchObject({
        code: 'access.forbidden',
      });
    }
    await settleApproval(desk, disguised.approval_id, allow(disguised));
    const asBob = { ...desk, by: { ...desk.by, login: 'bob' } } as TestDesk;
    await expect(claim(asBob, disguised)).rejects.toMatchObject({ code: 'access.forbidden' });
    expect(await claim(as('eve'), disguised)).toBe('allowed');
    expect(await findApproval(desk, disguised.approval_id)).toMatchObject({
      decided_by: 'user:ops',
      used_at_unix_ms: NOW,
    });
  });
});

describe('a grant', () => {
  test('lets the next call through without asking, and one claim of its own approval', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk, proposeRun());
    await settleApproval(desk, approval.approval_id, allow(approval, { scope: 'session' }));
    expect(await claim(desk, approval, proposeRun())).toBe('allowed');
    expect(await claim(desk, approval, proposeRun())).toBe('conflict approval.used');
    const { answer } = await requestApproval(desk, proposeRun({ argv: ['git', 'push', 'origin'] }), 1000);
    expect(answer).toMatchObject({ decision: 'allow', authority: { ground: { kind: 'grant' } } });
  });

  test('that is revoked or has ended lets nothing through, not even a claim', async () => {
    const desk = await openTestDesk();
    const approvals = [await ask(desk, proposeRun()), await ask(desk, proposeRun())];
    const [one, two] = approvals;
    if (one === undefined || two === undefined) throw new Error('two were asked for');
    const { answer } = await settleApproval(desk, one.approval_id, allow(one, { scope: 'session' }));
    const grantId = answer.grant?.grant_id ?? '';
    await settleApproval(desk, two.approval_id, allow(two, { scope: 'timeboxed', ttlMs: 1000 }));
    await revokeGrant(desk, grantId);
    expect((await revokeGrant(desk, grantId)).entry).toBeNull();
    desk.time = NOW + 1000;
    for (const approval of approvals)
      expect(await claim(desk, approval, proposeRun())).toBe('denied approval.grant_ended');
    expect((await ask(desk, proposeRun())).decision).toBeUndefined();
  });

  test('lifts neither a posture nor a policy that says no', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk, proposeRun());
    await settleApproval(desk, approval.approval_id, allow(approval, { scope: 'session' }));
    await changePosture(desk, [{ tool: 'palyra.process.run', scope: GLOBAL, state: 'disabled' }]);
    const { answer } = await requestApproval(desk, proposeRun(), 1000);
    expect(answer.decision).toBe('deny');
  });
});

describe('waiting', () => {
  test('ends with the answer, or with the waiting', async () => {
    const desk = await openTestDesk();
    const approval = await ask(desk);
    const waiting = awaitDecision(desk, approval.approval_id, 60_000);
    await settleApproval(desk, approval.approval_id, allow(approval));
    expect(await waiting).toMatchObject({ decision: 'allow' });
    const other = await ask(desk);
    expect((await awaitDecision(desk, other.approval_id, 20)).decision).toBeUndefined();
  });

  test('for requests tells those that are pending, and each new one once', async () => {
    const desk = await openTestDesk();
    const stop = new AbortController();
    const first = await ask(desk);
    const seen: string[] = [];
    const wanted: string[] = [first.approval_id];
    for await (const { approval_id } of followPending(desk, stop.signal)) {
      seen.push(approval_id);
      if (seen.length === 3) stop.abort();
      else wanted.push((await ask(desk)).approval_id);
    }
    expect(seen).toEqual(wanted);
  });
});

test('history is whole, though the working document keeps only what is live and the newest of the rest', async () => {
  const desk = await openTestDesk();
  const first = await ask(desk);
  await settleApproval(desk, first.approval_id, { decision: 'deny', reason: 'the first' });
  for (let i = 0; i < 120; i++) {
    const approval = await ask(desk);
    await settleApproval(desk, approval.approval_id, { decision: 'deny' });
  }
  const open = await ask(desk);
  const { approvals: book } = await desk.store.read('approvals');
  expect(book.approvals).toHaveLength(101);
  expect(book.approvals.at(-1)?.approval_id).toBe(open.approval_id);
  expect(await readApprovals(desk)).toHaveLength(122);
  expect(await findApproval(desk, first.approval_id)).toMatchObject({ decision: 'deny', decision_reason: 'the first' });
  await expect(settleApproval(desk, first.approval_id, allow(first))).rejects.toMatchObject({ code: 'store.conflict' });
  expect(await claim(desk, first)).toBe('denied approval.denied');
});

test('an export can be verified by anybody', async () => {
  const desk = await openTestDesk();
  for (let i = 0; i < 3; i++) await ask(desk);
  const lines = exportLines(await readApprovals(desk));
  let previous = '0'.repeat(64);
  for (const [i, line] of lines.entries()) {
    expect(line.sequence).toBe(i + 1);
    expect(line.prev_checksum_sha256).toBe(previous);
    expect(line.record_checksum_sha256).toBe(sha256(canonicalJson(line.record)));
    previous = sha256(`${line.schema}\n${i + 1}\n${previous}\n${line.record_checksum_sha256}`);
    expect(line.chain_checksum_sha256).toBe(previous);
  }
  expect(lines).toHaveLength(3);
});
