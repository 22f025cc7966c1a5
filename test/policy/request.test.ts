import { describe, expect, test } from 'vitest';
import { PalyraError } from '../../src/errors.ts';
import {
  asciiLower,
  normalizeRequest,
  type PolicyRequestContext,
  readRequest,
  trim,
} from '../../src/policy/request.ts';

const ECHO = { principal: 'user:ops', action: 'tool.execute', resource: 'tool:acme.echo' };

describe('a request from outside', () => {
  test('is read as it is', () => {
    const context = { channel: 'cli', tool_name: 'acme.echo', capabilities: ['network', ''] };
    expect(readRequest({ ...ECHO, context })).toEqual({ ...ECHO, context });
    expect(readRequest(ECHO)).toEqual({ ...ECHO, context: {} });
  });

  test('holds texts of at most 4096 units, and at most 1000 capabilities', () => {
    const long = 'x'.repeat(4096);
    const many = Array.from({ length: 1000 }, (_, n) => `c${n}`);
    expect(readRequest({ ...ECHO, principal: long, context: { channel: long, capabilities: many } })).toBeDefined();
    expect(refusalOf({ ...ECHO, principal: `${long}x` })).toBe('principal is too long: 4097 characters');
    expect(refusalOf({ ...ECHO, context: { run_id: `${long}x` } })).toBe('run_id is too long: 4097 characters');
    expect(refusalOf({ ...ECHO, context: { capabilities: [`${long}x`] } })).toBe(
      'a capability is too long: 4097 characters',
    );
    expect(refusalOf({ ...ECHO, context: { capabilities: [...many, 'x'] } })).toBe(
      'context.capabilities has 1001 texts',
    );
  });

  test.each<[unknown, string]>([
    [null, 'a request is a JSON object, not null'],
    [[ECHO], 'a request is a JSON object, not a list'],
    ['x', 'a request is a JSON object, not a string'],
    [{ ...ECHO, context: null }, 'context is a JSON object, not null'],
    [{ ...ECHO, context: [] }, 'context is a JSON object, not a list'],
    [{ ...ECHO, contxt: {} }, 'unknown key in request: contxt'],
    [{ ...ECHO, context: { chanel: 'x' } }, 'unknown key in context: chanel'],
    [{ ...ECHO, context: { channel: 1 } }, 'channel is a text, not a number'],
    [{ ...ECHO, context: { capabilities: 'network' } }, 'context.capabilities is a list of texts'],
    [{ ...ECHO, context: { capabilities: ['network', 1] } }, 'context.capabilities is a list of texts'],
    [{ ...ECHO, context: { capabilities: ['a\0'] } }, 'a capability holds a NUL character'],
    [{ ...ECHO, action: undefined }, 'action is missing'],
    [{ ...ECHO, resource: null }, 'resource is a text, not null'],
    [{ ...ECHO, principal: '\ud800' }, 'principal holds half a surrogate pair'],
  ])('%j is refused', (value, message) => {
    expect(refusalOf(value)).toBe(message);
  });
});

describe('the tool that a request is about', () => {
  test.each<[string, PolicyRequestContext, string]>([
    ['tool:acme.echo', {}, 'acme.echo'],
    [' tool:Acme.Echo ', {}, 'acme.echo'],
    ['acme.echo', {}, 'acme.echo'],
    ['tool:', {}, 'tool:'],
    ['', {}, ''],
    ['tool:acme.echo', { tool_name: ' ACME.echo ' }, 'acme.echo'],
    ['acme.echo', { tool_name: 'acme.echo' }, 'acme.echo'],
    ['tool:acme.echo', { tool_name: '  ' }, 'acme.echo'],
  ])('of %j with %j is %j', (resource, context, tool) => {
    expect(normalizeRequest({ ...ECHO, resource, context }).tool).toBe(tool);
  });

  test.each([
    'tool:acme.other',
    'acme.other',
    'skill:acme.echo',
    'tool:tool:acme.echo',
    'tool: acme.echo',
    'tool:acme.echo2',
    'tool:',
    '',
    '  ',
  ])('is never taken from the context when the resource is %j', (resource) => {
    const context = { tool_name: 'acme.echo' };
    expect(() => normalizeRequest({ ...ECHO, resource, context })).toThrow('tool_name and resource contradict');
  });

  test('is told apart from the skill, which follows the same rule', () => {
    const skill = { principal: 'user:ops', action: 'skill.execute', resource: 'skill:acme.report' };
    expect(normalizeRequest({ ...skill, context: {} })).toMatchObject({ tool: '', skill: 'acme.report' });
    expect(normalizeRequest({ ...skill, context: { tool_name: 'Acme.Echo' } })).toMatchObject({ tool: 'acme.echo' });
    expect(() => normalizeRequest({ ...skill, context: { skill_id: 'acme.other' } })).toThrow('skill_id and resource');
    expect(normalizeRequest({ ...ECHO, context: { skill_id: 'acme.report' } })).toMatchObject({ skill: 'acme.report' });
  });

  test('is what the context says where nothing is executed', () => {
    const list = { ...ECHO, action: 'tool.list', context: { tool_name: 'acme.other' } };
    expect(normalizeRequest(list).tool).toBe('acme.other');
  });
});

test('names are compared without the case of ASCII letters and without blanks at their ends, and in no other way', () => {
  expect(normalizeRequest({ ...ECHO, action: 'Tool.EXECUTE', context: { channel: '\u0085 Cli\u3000' } })).toMatchObject(
    {
      ...{ principal: 'user:ops', action: 'tool.execute', channel: 'Cli' },
    },
  );
  expect(normalizeRequest({ ...ECHO, action: ' tool.execute', context: {} }).action).toBe(' tool.execute');
  expect(asciiLower('İÄA')).toBe('İÄa');
  expect(trim('\ufeffa\u2029')).toBe('\ufeffa');
  const capabilities = [' Network', 'network', '', 'Secrets_Read'];
  expect(normalizeRequest({ ...ECHO, context: { capabilities } }).capabilities).toEqual(['network', 'secrets_read']);
});

function refusalOf(value: unknown): string {
  try {
    return `read: ${JSON.stringify(readRequest(value))}`;
  } catch (error) {
    if (error instanceof PalyraError) return error.message;
    throw error;
  }
}
