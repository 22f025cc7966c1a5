import { describe, expect, test } from 'vitest';
import { effectiveSettings } from '../../src/config/effective.ts';
import { readPalyraToml } from '../../src/config/palyra-toml.ts';
import { NOBODY } from '../../src/config/settings.ts';
import { establishFacts, evaluationConfigOf, readEvaluationConfig } from '../../src/policy/facts.ts';
import { normalizeRequest, type PolicyRequest } from '../../src/policy/request.ts';

const ECHO = { principal: 'user:ops', action: 'tool.execute', resource: 'tool:acme.echo', context: {} };
const factsOf = (lists: object, request: PolicyRequest = ECHO) =>
  establishFacts(normalizeRequest(request), readEvaluationConfig(lists));

describe('a tool or skill is allowlisted', () => {
  test('by its whole name in any case, and no empty name ever is', () => {
    const tools = { allowlisted_tools: [' ACME.Echo', ''], allowlisted_skills: [''] };
    expect(factsOf(tools)).toMatchObject({ is_allowlisted_tool: true, is_allowlisted_skill: false });
    expect(factsOf(tools, { ...ECHO, resource: 'tool:acme.echo2' }).is_allowlisted_tool).toBe(false);
    expect(factsOf(tools, { ...ECHO, resource: ' ' }).is_allowlisted_tool).toBe(false);
    const skill = { ...ECHO, action: 'skill.execute', resource: 'skill:acme.report' };
    expect(factsOf({ allowlisted_skills: ['acme.report'] }, skill).is_allowlisted_skill).toBe(true);
    expect(factsOf({ allowlisted_skills: [''] }, { ...skill, resource: '' }).is_allowlisted_skill).toBe(false);
  });
});

describe('a request is sensitive', () => {
  test('by its action, by any of its capabilities, or by the tool that it executes', () => {
    const purge = { ...ECHO, action: 'memory.purge' };
    const networking = { ...ECHO, context: { capabilities: ['clock', 'Network'] } };
    expect(factsOf({}).is_sensitive_action).toBe(false);
    expect(factsOf({}, purge).is_sensitive_action).toBe(true);
    expect(factsOf({ sensitive_actions: [] }, purge).is_sensitive_action).toBe(false);
    expect(factsOf({ sensitive_capability_names: ['network'] }, networking).is_sensitive_action).toBe(true);
    expect(factsOf({ sensitive_capability_names: ['other'] }, networking).is_sensitive_action).toBe(false);
    expect(factsOf({ sensitive_tool_names: ['acme.echo'] }).is_sensitive_action).toBe(true);
    const listing = { ...ECHO, action: 'tool.list', context: { tool_name: 'acme.echo' } };
    expect(factsOf({ sensitive_tool_names: ['acme.echo'] }, listing).is_sensitive_action).toBe(false);
  });
});

describe('a gate', () => {
  const gates = { tool_execute_principal_allowlist: ['USER:ops'], tool_execute_channel_allowlist: ['cli'] };
  const passing = (request: PolicyRequest, lists: object = gates) => {
    const facts = factsOf(lists, request);
    return [facts.is_tool_execute_principal_allowed, facts.is_tool_execute_channel_allowed];
  };

  test('lets through whom it lists, in any case, and nobody without a name', () => {
    expect(passing({ ...ECHO, context: { channel: 'CLI' } })).toEqual([true, true]);
    expect(passing({ ...ECHO, principal: 'User:Ops', context: { channel: 'slack' } })).toEqual([true, false]);
    expect(passing({ ...ECHO, principal: 'user:ops2', context: {} })).toEqual([false, false]);
    const blank = { tool_execute_principal_allowlist: [''], tool_execute_channel_allowlist: [''] };
    expect(passing({ ...ECHO, principal: '' }, blank)).toEqual([false, false]);
  });

  test('of nobody in particular is open, and stands before execution only', () => {
    expect(passing(ECHO, {})).toEqual([true, true]);
    expect(passing({ ...ECHO, principal: 'user:eve', action: 'tool.list' })).toEqual([true, true]);
  });
});

test('a configuration that a line brings is read whole, or refused', () => {
  expect(readEvaluationConfig({ allow_sensitive_tools: true })).toMatchObject({
    ...{ allowSensitiveTools: true, usesCatalog: false, principalGate: 'any', channelGate: 'any' },
    sensitiveActions: new Set(['cron.delete', 'memory.purge']),
  });
  expect(readEvaluationConfig({}).allowSensitiveTools).toBe(false);
  expect(() => readEvaluationConfig({ allow_sensitive_tools: 'yes' })).toThrow('is true or false');
  expect(() => readEvaluationConfig({ allowlisted_tool: [] })).toThrow('unknown key in config: allowlisted_tool');
  expect(() => readEvaluationConfig({ allowlisted_tools: 'x' })).toThrow('config.allowlisted_tools is a list of texts');
  expect(() => readEvaluationConfig({ allowlisted_tools: ['x', 1] })).toThrow('is a list of texts');
  const many = Array.from({ length: 10_000 }, (_, n) => `t${n}`);
  expect(readEvaluationConfig({ allowlisted_tools: many }).allowlistedTools.size).toBe(10_000);
  expect(() => readEvaluationConfig({ allowlisted_tools: [...many, 'x'] })).toThrow('more than 10000 names');
});

describe('the configuration of palyra.toml', () => {
  const { settings } = effectiveSettings(
    {
      path: '/palyra.toml',
      given: readPalyraToml(
        '[tool_call]\nallowed_tools = [" Palyra.Process.RUN "]\nallow_sensitive_tools = false\ntool_execute_channel_allowlist = ["CLI"]',
        'palyra.toml',
      ),
    },
    undefined,
  );

  test('is filled up from the tool catalog, in lower case', () => {
    expect(evaluationConfigOf(settings)).toMatchObject({
      ...{ usesCatalog: true, allowSensitiveTools: false, principalGate: 'any', channelGate: new Set(['cli']) },
      allowlistedTools: new Set([
        'palyra.process.list',
        'palyra.process.run',
        'palyra.process.status',
        'palyra.process.stop',
      ]),
      sensitiveActions: new Set(['cron.delete', 'memory.purge']),
    });
    expect(evaluationConfigOf(settings).sensitiveToolNames).toContain('palyra.process.run');
  });

  test('lets nobody through a gate that a project has narrowed to nobody', () => {
    const { tool_call: given } = settings;
    const gates = { tool_execute_principal_allowlist: NOBODY, tool_execute_channel_allowlist: NOBODY } as const;
    const config = evaluationConfigOf({ ...settings, tool_call: { ...given, ...gates } });
    expect(establishFacts(normalizeRequest({ ...ECHO, context: { channel: 'cli' } }), config)).toMatchObject({
      ...{ is_tool_execute_principal_allowed: false, is_tool_execute_channel_allowed: false },
    });
  });
});
