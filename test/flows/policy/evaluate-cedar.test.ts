import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCedar } from '../../../src/adapters/cedar/cedar.ts';
import { files } from '../../../src/adapters/files.ts';
import { type CedarPlaces, evaluateCedar, openCedarDesk } from '../../../src/flows/policy/evaluate-cedar.ts';

const POLICIES = `permit (principal == ?principal, action, resource);
@id("odd") permit (principal, action, resource) when { context.n + 1 == 2 };`;
const LINK = '{"templateId": "policy0", "newId": "link", "values": {"?principal": {"type": "User", "id": "ann"}}}';
const ANN = '"principal": {"type": "User", "id": "ann"}';
const REST = '"action": {"type": "Action", "id": "read"}, "resource": {"type": "File", "id": "a"}';

function deskOf(more: Partial<Record<'entities' | 'links' | 'schema', string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-cedar-'));
  const put = (name: string, text: string | undefined): string | undefined => {
    if (text === undefined) return undefined;
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const places: CedarPlaces = {
    policies: [put('own.cedar', POLICIES) ?? ''],
    entities: put('entities.json', more.entities),
    links: put('links.json', more.links),
    schema: put('own.cedarschema', more.schema),
    validateRequest: more.schema !== undefined,
  };
  return openCedarDesk({ files, cedar: openCedar() }, places);
}

test('a template speaks once it is linked, and an error of a policy is told with its own name', () => {
  const request = `{"id": 7, ${ANN}, ${REST}, "context": {}}`;
  expect(evaluateCedar(deskOf(), request, 'it').decision).toBe('deny');
  const { value } = evaluateCedar(deskOf({ links: `[${LINK}]` }), request, 'it');
  expect(value).toMatchObject({ id: 7, decision: 'allow', matched_policies: ['link'] });
  expect(value).toMatchObject({ errors: [{ policy_id: 'odd' }], diagnostics: { errors: [{ policy_id: 'policy1' }] } });
});

const REQUESTS: readonly (readonly [string, string, string])[] = [
  ['an unknown part', `{${ANN}, ${REST}, "contxt": {}}`, 'unknown key in it: contxt'],
  ['no principal', `{${REST}}`, 'principal is missing in it'],
  ['a context that is a list', `{${ANN}, ${REST}, "context": []}`, 'Cedar does not accept it: '],
  ['a principal that is a text', `{"principal": "User::ann", ${REST}}`, 'Cedar does not accept it: '],
];

test.each(REQUESTS)('a request with %s is refused, not decided', (_, request, message) => {
  expect(() => evaluateCedar(deskOf(), request, 'it')).toThrow(
    expect.objectContaining({ code: 'input.invalid', message: expect.stringContaining(message) }),
  );
});

test('with a schema, a request that it does not allow is refused', () => {
  const schema =
    'entity User; entity File; action read appliesTo { principal: User, resource: File, context: {n: Long} };';
  const desk = deskOf({ schema });
  expect(evaluateCedar(desk, `{${ANN}, ${REST}, "context": {"n": 1}}`, 'it').decision).toBe('allow');
  expect(() => evaluateCedar(desk, `{${ANN}, ${REST}, "context": {}}`, 'it')).toThrow(
    expect.objectContaining({ code: 'input.invalid' }),
  );
});

const DOCUMENTS: readonly (readonly [string, Parameters<typeof deskOf>[0]])[] = [
  ['entities that are no list', { entities: '{}' }],
  ['entities that are not JSON', { entities: '[' }],
  ['links that are no list', { links: LINK }],
  ['a link without its values', { links: '[{"templateId": "policy0", "newId": "link"}]' }],
  ['a link that is nothing', { links: '[null]' }],
  ['a schema that does not parse', { schema: 'entity' }],
];

test.each(DOCUMENTS)('%s: refused, before anything is decided', (_, more) => {
  expect(() => deskOf(more)).toThrow(expect.objectContaining({ code: 'input.invalid' }));
});
