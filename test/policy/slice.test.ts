import { expect, test } from 'vitest';
import {
  entityPart,
  leadingRequirements,
  openIndex,
  type Requirement,
  scopeRequirements,
} from '../../src/policy/slice.ts';
import type { Scope } from '../../src/policy/source.ts';

const GATE = { flat: true, attributes: new Set(['tool', 'channel']) };
const ANYONE = { flat: false, attributes: new Set<string>() };
const TOOL: Requirement = { part: 'context.tool', values: ['a'] };
const CHANNEL: Requirement = { part: 'context.channel', values: ['c'] };
const RESOURCE: Requirement = { part: 'resource', values: [entityPart('N::Resource', 'r')] };

test.each<[string, Requirement[]]>([
  ['when { context.tool == "a" }', [TOOL]],
  ['when{context . tool=="a"&&context.channel == "c"}', [TOOL, CHANNEL]],
  ['when { resource == N :: Resource::"r" && context.tool == "a" && context.other > 1 }', [RESOURCE, TOOL]],
  ['when { context.tool == "a" } unless { context.channel == "c" }', [TOOL]],
  ['when { context.tool == "a" && (context.x || context.y) && ["||"].contains("} ||") }', [TOOL]],
  ['when { context.tool == "a" && context.x // || \n }', [TOOL]],
  // what may fail before it is reached
  ['when { context.other == "x" && context.tool == "a" }', []],
  ['when { context.tool == "a" && context.other == "x" && context.channel == "c" }', [TOOL]],
  ['when { context.x > 1 } when { context.tool == "a" }', []],
  ['unless { context.tool == "a" }', []],
  // an alternative
  ['when { context.tool == "a" || true }', []],
  ['when { context.tool == "a" && context.channel == "c" || true }', []],
  ['when { context.tool == "a" && context.x == "}" || true }', []],
  ['when { context.tool == "a" && context.x == "\\"}" || true }', []],
  ['when { context.tool == "a" && context.x // }\n || true }', []],
  ['when { context.tool == "a" && context.x // }\r || true }', []],
  ['when { (context.tool == "a" && true) || true }', []],
  ['when { if context.tool == "a" then false else true }', []],
  // a clause that does not end
  ['when { context.tool == "a" && context.x', []],
  // other words for it, which are not read
  ['when { "a" == context.tool }', []],
  ['when { context["tool"] == "a" }', []],
  ['when { context.tool == "\\u{61}" }', []],
  ['when { context.tool != "a" }', []],
  ['when { context.tool.x == "a" }', []],
  ['when { context.tool == "a".x }', []],
  ['when { !(context.tool == "a") }', []],
  ['', []],
])('%s requires', (clauses, requirements) => {
  expect(
    leadingRequirements(
      `@permit(") when { context.tool == \\"z\\" }")\npermit (principal, action, resource) ${clauses};`,
      GATE,
    ),
  ).toEqual(requirements);
});

test('of a request that anyone wrote, no attribute is certain', () => {
  const leads = (clause: string) => leadingRequirements(`permit (principal, action, resource) ${clause};`, ANYONE);
  expect(leads('when { resource == N::Resource::"r" && context.tool == "a" }')).toEqual([RESOURCE]);
  expect(leads('when { context.tool == "a" && resource == N::Resource::"r" }')).toEqual([]);
});

test('a scope requires what it compares, and by `in` only where no entity has parents', () => {
  const a = { type: 'T', id: 'a' };
  const b = { type: 'T', id: 'b' };
  const scope: Scope = {
    principal: { op: 'is', type: 'T', in: a },
    action: { op: 'in', entities: [a, b] },
    resource: { op: '==', entity: b },
  };
  const isType = { part: 'principal type', values: ['T'] };
  const isResource = { part: 'resource', values: ['T\nb'] };
  expect(scopeRequirements(scope, GATE)).toEqual([
    isType,
    { part: 'principal', values: ['T\na'] },
    { part: 'action', values: ['T\na', 'T\nb'] },
    isResource,
  ]);
  expect(scopeRequirements(scope, ANYONE)).toEqual([isType, isResource]);
  const slots: Scope = {
    principal: { op: '==', entity: { slot: '?principal' } },
    action: { op: 'any' },
    resource: { op: 'other' },
  };
  expect(scopeRequirements(slots, GATE)).toEqual([]);
});

test('only policies whose every requirement holds are candidates, in source order', () => {
  const index = openIndex([[TOOL, CHANNEL], [], [CHANNEL], [{ part: 'context.tool', values: ['b', 'a', 'a'] }]]);
  const asked = (request: Record<string, string>) => (part: string) => request[part];
  expect(index.candidates(asked({ 'context.tool': 'a', 'context.channel': 'c' }))).toEqual([0, 1, 2, 3]);
  expect(index.candidates(asked({ 'context.tool': 'a' }))).toEqual([1, 3]);
  expect(index.candidates(asked({ 'context.tool': 'c', 'context.channel': 'c' }))).toEqual([1, 2]);
  expect(index.candidates(asked({}))).toEqual([1]);
  expect(index.signature(asked({ 'context.tool': 'x' }))).toBe(index.signature(asked({ 'context.tool': 'y' })));
  expect(index.signature(asked({ 'context.tool': 'a' }))).not.toBe(index.signature(asked({ 'context.tool': 'b' })));
});
