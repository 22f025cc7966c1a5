import { describe, expect, test } from 'vitest';
import type { PalyraError } from '../../src/errors.ts';
import { findTool } from '../../src/policy/catalog.ts';
import { applyChanges, GLOBAL, planChanges, readToolName } from '../../src/posture/change.ts';
import { effectivePosture, type Postures } from '../../src/posture/posture.ts';
import { PRESETS, presetWishes } from '../../src/posture/preset.ts';
import { recommendTools } from '../../src/posture/recommendation.ts';
import { type PostureOverride, type PostureRegistry, postureShape } from '../../src/posture/registry.ts';
import { refuseSkill } from '../../src/posture/skill.ts';
import { NOW, pendingOf, proposeCall, seal } from '../approvals/samples.ts';

const open = { isAllowlisted: true, processRunnerEnabled: true };
const subject = { sessionId: 'session-1', principal: 'user:ops', workspaceIds: ['w1', 'w2'] };

function override(
  scope: string,
  state: PostureOverride['state'],
  more: Partial<PostureOverride> = {},
): PostureOverride {
  const [kind, id = 'global'] = scope.split(' ');
  return {
    tool_name: 'palyra.echo',
    scope_kind: kind as PostureOverride['scope_kind'],
    scope_id: id,
    state,
    actor_principal: 'user:oncall',
    source: 'manual',
    created_at_unix_ms: NOW,
    updated_at_unix_ms: NOW,
    ...more,
  };
}

function registryOf(...overrides: PostureOverride[]): PostureRegistry {
  return { ...postureShape.empty(), overrides };
}

function postureOf(postures: Postures, tool = 'palyra.echo', grounds = open) {
  const { state, source } = effectivePosture({ tool, grounds, subject }, postures, NOW);
  return `${state} by ${source}`;
}

describe('the posture of a tool', () => {
  test('is what the catalog says when nobody has set one', () => {
    expect(postureOf(registryOf())).toBe('always_allow by default');
    expect(postureOf(registryOf(), 'palyra.http.fetch')).toBe('ask_each_time by default');
    expect(postureOf(registryOf(), 'acme.unknown')).toBe('ask_each_time by default');
  });

  test('is that of the narrowest scope that has one', () => {
    const overrides = [
      override('global', 'disabled'),
      override('workspace w1', 'ask_each_time'),
      override('agent user:ops', 'always_allow'),
      override('session session-1', 'disabled'),
    ];
    expect(postureOf(registryOf(...overrides))).toBe('disabled by session');
    expect(postureOf(registryOf(...overrides.slice(0, 3)))).toBe('always_allow by agent');
    expect(postureOf(registryOf(...overrides.slice(0, 2)))).toBe('ask_each_time by workspace');
    expect(postureOf(registryOf(...overrides.slice(0, 1)))).toBe('disabled by global');
  });

  test('is not that of another session, agent, workspace or tool', () => {
    const others = [
      override('session session-2', 'disabled'),
      override('agent user:eve', 'disabled'),
      override('workspace w3', 'disabled'),
      override('global', 'disabled', { tool_name: 'palyra.sleep' }),
    ];
    expect(postureOf(registryOf(...others))).toBe('always_allow by default');
  });

  test('is the strictest of several workspaces', () => {
    expect(postureOf(registryOf(override('workspace w1', 'always_allow'), override('workspace w2', 'disabled')))).toBe(
      'disabled by workspace',
    );
  });

  test('is no longer that of an override whose time is over', () => {
    const until = (expires_at_unix_ms: number) => override('global', 'disabled', { expires_at_unix_ms });
    expect(postureOf(registryOf(until(NOW + 1)))).toBe('disabled by global');
    expect(postureOf(registryOf(until(NOW)))).toBe('always_allow by default');
  });

  test('is disabled by a lock, whatever was set', () => {
    const allowed = registryOf(
      override('session session-1', 'always_allow'),
      override('session session-1', 'always_allow', { tool_name: 'palyra.process.run' }),
    );
    expect(postureOf(allowed, 'palyra.echo', { ...open, isAllowlisted: false })).toBe('disabled by locked');
    expect(postureOf(allowed, 'palyra.process.run', { ...open, processRunnerEnabled: false })).toBe(
      'disabled by locked',
    );
    expect(postureOf(allowed, 'palyra.process.run')).toBe('always_allow by session');
  });

  test('says why: what the catalog calls the tool, or for whom, by whom and for what reason it was set', () => {
    const whyOf = (postures: Postures, tool = 'palyra.echo') =>
      effectivePosture({ tool, grounds: open, subject }, postures, NOW).why;
    expect(whyOf(registryOf())).toBe('the catalog calls it harmless');
    expect(whyOf(registryOf(), 'palyra.http.fetch')).toBe('the catalog calls it sensitive');
    expect(whyOf(registryOf(), 'acme.unknown')).toBe('the tool is not in the catalog');
    expect(whyOf(registryOf(override('global', 'disabled')))).toBe('set for global by user:oncall');
    expect(whyOf(registryOf(override('agent user:ops', 'disabled', { reason: 'incident 41' })))).toBe(
      'set for agent user:ops by user:oncall ("incident 41")',
    );
  });

  test('is disabled for every tool while the file cannot be read', () => {
    expect(postureOf('unreadable')).toBe('disabled by locked');
    expect(postureOf('unreadable', 'palyra.sleep')).toBe('disabled by locked');
  });
});

describe('a change', () => {
  const author = { principal: 'user:oncall', now: NOW, eventIds: ['e1', 'e2'], reason: 'incident 41' };
  const wish = { tool: 'palyra.echo', scope: GLOBAL, state: 'disabled' } as const;

  test('that makes no difference is none', () => {
    const set = applyChanges(registryOf(), planChanges(registryOf(), [wish], NOW), author);
    expect(planChanges(set, [wish], NOW)).toEqual([]);
    expect(planChanges(registryOf(), [{ ...wish, state: undefined }], NOW)).toEqual([]);
  });

  test('is written with its audit event, newest first; clearing takes the override away', () => {
    const set = applyChanges(registryOf(), planChanges(registryOf(), [wish], NOW), author);
    expect(set.overrides).toEqual([override('global', 'disabled', { reason: 'incident 41' })]);
    const cleared = applyChanges(set, planChanges(set, [{ ...wish, state: undefined }], NOW), author);
    expect(cleared.overrides).toEqual([]);
    expect(cleared.audit_events.map(({ action, previous_state }) => [action, previous_state])).toEqual([
      ['clear', 'disabled'],
      ['set', undefined],
    ]);
  });

  test('is remembered whole: what was, what is, by whom, when and why', () => {
    const set = applyChanges(registryOf(), planChanges(registryOf(), [wish], NOW), author);
    const cleared = applyChanges(set, planChanges(set, [{ ...wish, state: undefined }], NOW), {
      ...{ principal: 'user:ann', now: NOW + 1, eventIds: ['e2'] },
    });
    const what = { tool_name: 'palyra.echo', scope_kind: 'global', scope_id: 'global' };
    expect(cleared.audit_events).toEqual([
      {
        ...{ event_id: 'e2', ...what, action: 'clear', previous_state: 'disabled' },
        ...{ actor_principal: 'user:ann', created_at_unix_ms: NOW + 1 },
      },
      {
        ...{ event_id: 'e1', ...what, action: 'set', state: 'disabled', reason: 'incident 41' },
        ...{ actor_principal: 'user:oncall', created_at_unix_ms: NOW },
      },
    ]);
  });

  test('of one tool in one scope leaves every other as it is', () => {
    const others = [
      override('agent user:ops', 'disabled'),
      override('workspace user:ops', 'disabled'),
      override('session session-1', 'disabled', { tool_name: 'palyra.sleep' }),
    ];
    const before = registryOf(...others, override('session session-1', 'disabled'));
    const here = { tool: 'palyra.echo', scope: { kind: 'session', id: 'session-1' }, state: undefined } as const;
    const changes = planChanges(before, [here], NOW);
    expect(changes).toEqual([{ ...here, before: 'disabled' }]);
    expect(applyChanges(before, changes, author).overrides).toEqual(others);
    const elsewhere = { ...here, scope: { kind: 'agent', id: 'session-1' } } as const;
    expect(planChanges(before, [elsewhere], NOW)).toEqual([]);
  });

  test('for a time ends with it; another time for the same state is another change', () => {
    const until = { ...wish, expiresAtUnixMs: NOW + 10 };
    const set = applyChanges(registryOf(), planChanges(registryOf(), [until], NOW), author);
    expect(set.overrides).toEqual([
      override('global', 'disabled', { reason: 'incident 41', expires_at_unix_ms: NOW + 10 }),
    ]);
    expect(planChanges(set, [until], NOW)).toEqual([]);
    expect(planChanges(set, [wish], NOW)).toEqual([{ ...wish, before: 'disabled' }]);
    expect(planChanges(set, [until], NOW + 10)).toEqual([{ ...until, before: undefined }]);
  });

  test('keeps what other programs wrote, and at most 2000 events', () => {
    const event = { event_id: 'x', tool_name: 't', scope_kind: 'global', scope_id: 'global', action: 'set' };
    const old = {
      ...registryOf({ ...override('global', 'disabled'), note: 'theirs' } as PostureOverride),
      audit_events: Array.from({ length: 2000 }, () => ({ ...event, actor_principal: 'p', created_at_unix_ms: 1 })),
      theirs: true,
    };
    const next = applyChanges(old, planChanges(old, [{ ...wish, state: 'ask_each_time' }], NOW), author);
    expect(next.overrides[0]).toMatchObject({ state: 'ask_each_time', note: 'theirs' });
    expect(next.audit_events).toHaveLength(2000);
    expect(next.audit_events[0]).toMatchObject({ event_id: 'e1' });
    expect(next).toHaveProperty('theirs', true);
  });

  test('of a tool that nobody knows and that looks like one of ours is refused', () => {
    expect(readToolName(' Palyra.Echo ')).toBe('palyra.echo');
    expect(readToolName('acme.report')).toBe('acme.report');
    expect(hintOf('palyra.http.fetsh')).toBe('did you mean palyra.http.fetch?');
    expect(hintOf('palira.http.fetch')).toBe('did you mean palyra.http.fetch?');
    expect(hintOf('palyra.nothing-that-is-like-it')).toBe('palyra posture list');
  });

  test('of what cannot be the name of a tool is refused: nothing, hidden characters, more than 128 of them', () => {
    expect(hintOf(' ')).toBe('palyra posture list');
    expect(hintOf('acme.report\u202e')).toBe('palyra posture list');
    expect(hintOf('a'.repeat(129))).toBe('palyra posture list');
    expect(readToolName('a'.repeat(128))).toBe('a'.repeat(128));
  });

  function hintOf(tool: string): string | undefined {
    try {
      return `${readToolName(tool)} is taken`;
    } catch (error) {
      return (error as PalyraError).hint;
    }
  }
});

test('presets name tools of the catalog, each once', () => {
  for (const name of Object.keys(PRESETS) as (keyof typeof PRESETS)[]) {
    const tools = presetWishes(name, GLOBAL).map(({ tool }) => tool);
    expect(tools.filter((tool) => findTool(tool) === undefined)).toEqual([]);
    expect(new Set(tools).size).toBe(tools.length);
  }
  expect(presetWishes('conservative_coding', GLOBAL)).toHaveLength(8);
});

test('a tool is recommended after 5 approvals in 14 days without a denial, if the catalog says it is safe to', () => {
  const day = 86_400_000;
  const asked = (tool: string, decision: 'allow' | 'deny', daysAgo: number) => ({
    ...pendingOf(seal(proposeCall(tool))),
    requested_at_unix_ms: NOW - daysAgo * day,
    decision,
  });
  const five = [1, 2, 3, 4, 5].map((days) => asked('palyra.browser.title', 'allow', days));
  expect(recommendTools(five, NOW)).toEqual([{ tool: 'palyra.browser.title', approvals: 5 }]);
  expect(recommendTools(five.slice(1), NOW)).toEqual([]);
  expect(recommendTools([...five, asked('palyra.browser.title', 'deny', 13)], NOW)).toEqual([]);
  expect(recommendTools([...five, asked('palyra.browser.title', 'deny', 14)], NOW)).toHaveLength(1);
  const unsafe = [1, 2, 3, 4, 5].map((days) => asked('palyra.http.fetch', 'allow', days));
  expect(recommendTools(unsafe, NOW)).toEqual([]);
});

test('a skill runs only while its status is active, and a plugin never without one', () => {
  const skills = { 'acme.report': 'active', 'acme.old': 'quarantined' } as const;
  const refusal = (skill: string, tool = 'palyra.plugin.run', action = 'tool.execute') =>
    refuseSkill({ tool, action, skill }, { skills })?.words;
  expect(refusal('acme.report')).toBeUndefined();
  expect(refusal('acme.old')).toBe('acme.old is quarantined in [skills]');
  expect(refusal('acme.new')).toBe('acme.new has no status in [skills]');
  expect(refusal('toString')).toBe('toString has no status in [skills]');
  expect(refusal('')).toBe('a plugin runs a skill, and none is named');
  expect(refusal('acme.old', '', 'skill.execute')).toBe('acme.old is quarantined in [skills]');
  expect(refusal('acme.old', 'palyra.echo')).toBeUndefined();
});
