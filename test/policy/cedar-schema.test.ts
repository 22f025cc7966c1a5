import { expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { actionsOf, openSchema } from '../../src/policy/cedar-schema.ts';

const cedar = openCedar();
const TEXT = 'entity User; action "tool.list", "tool.get" appliesTo { principal: User, resource: User };';
const JSON_TEXT = '{"": {"entityTypes": {"User": {}}, "actions": {"tool.list": {}}}}';

test('a schema is taken in Cedar’s syntax and as JSON', () => {
  expect(openSchema(cedar, TEXT, 'a.cedarschema')).toBe(TEXT);
  expect(openSchema(cedar, `\n ${JSON_TEXT}`, 'a.json')).toEqual(JSON.parse(JSON_TEXT));
});

test('what is wrong with a schema is said with its place', () => {
  expect(() => openSchema(cedar, 'entity User;\nentity ;', 'a.cedarschema')).toThrow(/^a\.cedarschema:2:8: /);
  expect(() => openSchema(cedar, 'entity User in [Team];', 'a.cedarschema')).toThrow(/^a\.cedarschema:1:\d+: .*Team/);
  expect(() => openSchema(cedar, '{"": {"entityTypes": 1}}', 'a.json')).toThrow(/^a\.json:1:\d+: /);
  expect(() => openSchema(cedar, '{"": {,}}', 'a.json')).toThrow(/a\.json.*column 7/);
});

test('the actions of a schema are those outside any namespace, and none of what is no schema', () => {
  expect(actionsOf(cedar, TEXT).toSorted()).toEqual(['tool.get', 'tool.list']);
  expect(actionsOf(cedar, `namespace Other { ${TEXT} }`)).toEqual([]);
  expect(actionsOf(cedar, 'entity ;')).toEqual([]);
});
