import { describe, expect, test } from 'vitest';
import {
  type Approval,
  isAllowed,
  isAskedBy,
  isOverdue,
  LONGEST_GRANT_MS,
  requestOf,
  settle,
  stateOf,
  type Verdict,
} from '../../src/approvals/approval.ts';
import { changeApproval, withoutOldest } from '../../src/approvals/book.ts';
import { newGrant } from '../../src/approvals/grant.ts';
import type { Proposal } from '../../src/approvals/proposal.ts';
import { PalyraError } from '../../src/errors.ts';
import { EMPTY, NOW, pendingOf, proposeCall, proposeRun, seal } from './samples.ts';

const END = NOW + 900_000;

describe('an approval', () => {
  test.each<[string, Proposal, Partial<Approval>]>([
    ['a tool', proposeCall('acme.fetch'), { subject_id: 'tool:acme.fetch', subject_type: 'tool' }],
    [
      'a browser',
      proposeCall('palyra.browser.click'),
      { subject_id: 'tool:palyra.browser.click', subject_type: 'browser_action' },
    ],
    [
      'a tool with a skill',
      proposeCall('palyra.plugin.run', { skill_id: 'acme.report' }),
      { subject_id: 'tool:palyra.plugin.run|skill:acme.report' },
    ],
    ['a skill', proposeAction('skill.execute', 'skill:acme.report'), { subject_id: 'skill:acme.report' }],
    ['an action', proposeAction('memory.purge', 'memory:all'), { subject_id: 'action:memory.purge' }],
  ])('of %s is called by it', (_, proposal, expected) => {
    const { action, tool_name: tool = action, prompt, ...approval } = pendingOf(seal(proposal));
    expect(approval).toMatchObject(expected);
    expect(prompt).toMatchObject({ title: tool, subject_id: expected.subject_id });
  });

  test('holds the request that it was asked for, so that it can be judged again', () => {
    for (const proposal of [
      proposeRun({}, { capabilities: ['network'], skill_id: 'acme.report' }),
      proposeCall('acme.fetch'),
      proposeAction('memory.purge', 'memory:all'),
    ]) {
      const { request } = seal(proposal);
      expect(seal({ ...proposal, request: requestOf(pendingOf(seal(proposal))) }).request).toEqual(request);
    }
  });

  test('is somebody’s own who asked, in whichever name', () => {
    const asked = { ...pendingOf(seal(proposeRun())), requested_by: 'user:eve' };
    expect(isAskedBy(asked, ['user:ops'])).toBe(true);
    expect(isAskedBy(asked, ['user:ann', 'user:eve'])).toBe(true);
    expect(isAskedBy(asked, ['user:ann'])).toBe(false);
    const { requested_by: _, ...older } = asked;
    expect(isAskedBy(older, ['user:eve'])).toBe(false);
  });

  test('is pending until its time is over, not a millisecond longer', () => {
    const asked = pendingOf(seal(proposeRun()));
    expect([stateOf(asked, END - 1), isOverdue(asked, END - 1)]).toEqual(['pending', false]);
    expect([stateOf(asked, END), isOverdue(asked, END)]).toEqual(['timed_out', true]);
    expect(isOverdue({ ...asked, decision: 'deny' }, END)).toBe(false);
  });

  test('that was said yes to stays one, whatever became of it', () => {
    const states = ['pending', 'allowed', 'used', 'lapsed', 'denied', 'timed_out', 'failed'] as const;
    expect(states.filter(isAllowed)).toEqual(['allowed', 'used', 'lapsed']);
  });
});

describe('an answer', () => {
  const asked = pendingOf(seal(proposeRun()));
  const answer = (more: object = {}) => {
    const verdict = { decision: 'allow', scope: 'once', digest: asked.request_sha256, ...more } as Verdict;
    try {
      return settle(asked, verdict, { by: 'user:ann', now: NOW });
    } catch (error) {
      if (error instanceof PalyraError) return error.message;
      throw error;
    }
  };
  const allowed = { decision: 'allow', decided_by: 'user:ann', resolved_at_unix_ms: NOW };

  test('is written down with what it adds, and nothing else', () => {
    expect(answer()).toEqual({ ...allowed, decision_scope: 'once' });
    expect(answer({ ttlMs: 1000, reason: '' })).toEqual({ ...allowed, decision_scope: 'once', decision_reason: '' });
    expect(answer({ decision: 'deny', reason: 'no' })).toEqual({
      ...allowed,
      ...{ decision: 'deny', decision_reason: 'no' },
    });
  });

  test('has a reason of at most 1024 bytes', () => {
    expect(answer({ reason: 'é'.repeat(512) })).toMatchObject(allowed);
    expect(answer({ reason: `${'é'.repeat(512)}x` })).toBe('the reason is too long');
  });

  test('for a time is for more than none and at most 8 hours', () => {
    for (const ttlMs of [1, LONGEST_GRANT_MS]) {
      expect(answer({ scope: 'timeboxed', ttlMs })).toMatchObject({ ...allowed, decision_scope_ttl_ms: ttlMs });
    }
    for (const ttlMs of [undefined, -1, 0, LONGEST_GRANT_MS + 1]) {
      expect(answer({ scope: 'timeboxed', ttlMs })).toBe('a timeboxed grant needs a length of time of at most 8 h');
    }
  });
});

test('of what is over the newest 100 are kept, and all that may still be used', () => {
  const asked = pendingOf(seal(proposeRun()));
  const approvals = Array.from({ length: 102 }, (_, n) => ({ ...asked, approval_id: `denied ${n}`, decision: 'deny' }));
  const pending = { ...asked, approval_id: 'pending' };
  const allowed = { ...asked, approval_id: 'allowed', decision: 'allow', resolved_at_unix_ms: NOW };
  const settlement = { decision: 'allow', decision_scope: 'timeboxed', decision_scope_ttl_ms: 1000 } as const;
  const grant = newGrant(asked, settlement, { grantId: 'standing', by: 'user:ann', now: NOW });
  const ended = Array.from({ length: 102 }, (_, n) => ({ ...grant, grant_id: `ended ${n}`, revoked_at_unix_ms: NOW }));
  const book = { ...EMPTY, approvals: [pending, allowed, ...approvals], grants: [grant, ...ended] } as typeof EMPTY;
  const kept = withoutOldest(book, NOW);
  expect(kept.approvals.map(({ approval_id: id }) => id)).toEqual([
    ...['pending', 'allowed'],
    ...Array.from({ length: 100 }, (_, n) => `denied ${n + 2}`),
  ]);
  expect(kept.grants.map(({ grant_id: id }) => id)).toEqual([
    'standing',
    ...Array.from({ length: 100 }, (_, n) => `ended ${n + 2}`),
  ]);
  expect(withoutOldest(kept, NOW)).toEqual(kept);
  const changed = changeApproval(kept, 'pending', { decision: 'deny' });
  expect(changed.approvals).toEqual([{ ...pending, decision: 'deny' }, ...kept.approvals.slice(1)]);
});

function proposeAction(action: string, resource: string): Proposal {
  return {
    request: { principal: 'user:ops', action, resource, context: {} },
    payload: Buffer.from(''),
    summary: '',
  };
}
