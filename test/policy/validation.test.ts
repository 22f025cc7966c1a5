import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { toolNames } from '../../src/policy/catalog.ts';
import { actionsOf, openSchema } from '../../src/policy/cedar-schema.ts';
import { validateFile } from '../../src/policy/validation.ts';

const cedar = openCedar();
const SCHEMA = readFileSync(join(import.meta.dirname, '../../policies/palyra.cedarschema'), 'utf8');
const VOCABULARY = { actions: actionsOf(cedar, SCHEMA), tools: toolNames() };

/** What is found in a text, as `severity line:column policy message`. */
function found(text: string): string[] {
  const schema = openSchema(cedar, SCHEMA, 'palyra.cedarschema');
  const { findings } = validateFile(cedar, { text, file: 'own.cedar' }, schema, VOCABULARY);
  return findings.map(
    ({ severity, line, column, policy, message }) => `${severity} ${line}:${column} ${policy} ${message}`,
  );
}

test('names that are nearly those of actions and tools are told where they stand', () => {
  const text = `@id("slips") forbid (principal, action, resource) when {
  context.tool_name == "palyra.proces.run" || context.action == "memory.purg" ||
  context.resource == "tool:palyra.http.fetsh" || context.tool_name == "acme.own" };`;
  expect(found(text)).toEqual([
    'warning 2:65 slips no action is called memory.purg',
    'warning 2:24 slips no tool is called palyra.proces.run',
    'warning 3:23 slips no tool is called palyra.http.fetsh',
  ]);
});

test('what is wrong in a template has its place in the file, whatever stands before it', () => {
  const text = `// é😀
@id("fine") permit (principal, action, resource) when { context.action == "é" };
@id("linked") permit (principal == ?principal, action, resource)
when { context.nothing };
@id("after") permit (principal, action, resource) when { context.neither };`;
  expect(found(text).map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'error 5:58 after',
    'error 4:8 linked',
  ]);
});

test('a text that Cedar cannot read is one error, and nothing else is said of it', () => {
  expect(found('permit (principal, action, resource) when { context.tool_name == "palyra.proces.run" ')).toEqual([
    expect.stringMatching(/^error 1:\d+ undefined unexpected end of input/),
  ]);
});
