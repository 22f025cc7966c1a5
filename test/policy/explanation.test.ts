import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { decide, type Evaluator, type MissingGrant } from '../../src/policy/decision.ts';
import { openEvaluator } from '../../src/policy/evaluator.ts';
import { findSmallestChange } from '../../src/policy/explanation.ts';
import { establishFacts, readEvaluationConfig } from '../../src/policy/facts.ts';
import { normalizeRequest, readRequest } from '../../src/policy/request.ts';
import { namePolicies, readPolicies } from '../../src/policy/source.ts';

const cedar = openCedar();
const BASELINE = readFileSync(join(import.meta.dirname, '../../policies/baseline.cedar'), 'utf8');
const OWN = '@id("no_bob") forbid (principal == Principal::"user:bob", action, resource);';

type Lists = Readonly<Record<string, readonly string[] | boolean>>;

function evaluatorOf(text: string): Evaluator {
  const policies = namePolicies(readPolicies(cedar, text, 'own.cedar'));
  const effects = new Map(policies.map(({ id, effect }) => [id, effect]));
  return { ...openEvaluator(cedar, 'explanation-test', policies), effectOf: (id) => effects.get(id) };
}

const evaluator = evaluatorOf(BASELINE + OWN);

function decideUnder(lists: Lists, request: object) {
  const config = readEvaluationConfig(lists);
  const normalized = normalizeRequest(readRequest(request));
  const decision = decide({ request: normalized, facts: establishFacts(normalized, config) }, config, evaluator);
  return { config, decision };
}

/** The configuration as an operator would write it once a grant is made. */
function withGrant(
  lists: Lists,
  grant: MissingGrant,
  request: { principal: string; context: Record<string, string> },
): Lists {
  const add = (key: string, name: string): Lists => ({ ...lists, [key]: [...((lists[key] as string[]) ?? []), name] });
  switch (grant) {
    case 'grant_tool_allowlist':
      return add('allowlisted_tools', request.context.tool_name ?? '');
    case 'enable_or_allowlist_skill':
      return add('allowlisted_skills', request.context.skill_id ?? '');
    case 'add_principal_to_tool_execute_allowlist':
      return add('tool_execute_principal_allowlist', request.principal);
    case 'add_channel_to_tool_execute_allowlist':
      return add('tool_execute_channel_allowlist', request.context.channel ?? '');
    case 'request_explicit_approval':
      return { ...lists, allow_sensitive_tools: true };
    case 'review_action_resource_scope':
      return lists;
  }
}

const name = <T extends string>(...names: readonly T[]) => fc.subarray([...names]);
const someLists = fc.record({
  allowlisted_tools: name('acme.echo', 'acme.fetch'),
  allowlisted_skills: name('acme.report'),
  sensitive_tool_names: name('acme.fetch'),
  tool_execute_principal_allowlist: name('user:ann', 'user:bob'),
  tool_execute_channel_allowlist: name('cli', 'slack'),
  allow_sensitive_tools: fc.boolean(),
});
const someRequest = fc.oneof(
  fc.record({
    principal: fc.constantFrom('user:ann', 'user:bob', 'user:eve'),
    action: fc.constant('tool.execute'),
    tool: fc.constantFrom('acme.echo', 'acme.fetch'),
    channel: fc.constantFrom('cli', 'slack'),
  }),
  fc.record({
    principal: fc.constantFrom('user:ann', 'user:bob'),
    action: fc.constantFrom('memory.purge', 'tool.list', 'odd.action'),
    channel: fc.constantFrom('cli', 'slack'),
  }),
  fc.record({
    principal: fc.constant('user:ann'),
    action: fc.constant('skill.execute'),
    skill: fc.constant('acme.report'),
    channel: fc.constant('cli'),
  }),
);

test('what an explanation says to grant turns the deny into an allow, and nothing less than that does', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(someLists, someRequest, (lists, { principal, action, channel, ...subject }) => {
      const tool = 'tool' in subject ? subject.tool : undefined;
      const skill = 'skill' in subject ? subject.skill : undefined;
      const context: Record<string, string> = {
        channel,
        ...(tool === undefined ? {} : { tool_name: tool }),
        ...(skill === undefined ? {} : { skill_id: skill }),
      };
      const resource = tool !== undefined ? `tool:${tool}` : skill !== undefined ? `skill:${skill}` : 'memory:all';
      const request = { principal, action, resource, context };
      const { config, decision } = decideUnder(lists, request);
      if (decision.decision === 'allow') return;
      const grants = findSmallestChange(decision, { evaluator, config });
      const after = (made: readonly MissingGrant[]) =>
        decideUnder(
          made.reduce<Lists>((current, grant) => withGrant(current, grant, request), lists),
          request,
        ).decision.decision;
      seen.add(grants.join(' '));
      if (grants.length > 0) expect(after(grants)).toBe('allow');
      for (const [left] of grants.entries()) expect(after(grants.filter((_, i) => i !== left))).toBe('deny');
      if (principal === 'user:bob' || action === 'odd.action') expect(grants).toEqual([]);
    }),
    { numRuns: 500 },
  );
  // each grant was needed somewhere, and several together
  for (const grant of [
    'grant_tool_allowlist',
    'enable_or_allowlist_skill',
    'add_principal_to_tool_execute_allowlist',
    'add_channel_to_tool_execute_allowlist',
    'request_explicit_approval',
  ])
    expect([...seen].some((one) => one.includes(grant))).toBe(true);
  expect([...seen].some((one) => one.split(' ').length > 2)).toBe(true);
});
