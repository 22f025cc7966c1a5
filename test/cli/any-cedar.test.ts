import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';

const POLICIES = `@id("owner")
permit (principal, action == Action::"view", resource) when { resource has owner && resource.owner == principal };
permit (principal in Group::"admins", action in [Action::"view", Action::"edit"], resource is Doc);
permit (principal is User, action == Action::"tagged", resource) when { principal.hasTag("team") && principal.getTag("team") == "red" };
permit (principal, action == Action::"amount", resource) when { context.n == 9007199254740993 };
permit (principal, action == Action::"extension", resource) when {
  context.price.lessThan(decimal("10.5")) && context.from.isInRange(ip("10.0.0.0/8")) &&
  context.at.offset(duration("1h")) > datetime("2026-01-01")
};
permit (principal, action == Action::"like", resource) when { context.path like "/srv/*/x\\*" };
@id("late")
forbid (principal, action, resource) when { context has denied && context.denied };
@id("broken")
permit (principal, action == Action::"error", resource) when { context.missing };
@id("linked")
permit (principal == ?principal, action == Action::"linked", resource in ?resource);
`;
const ENTITIES = [
  { uid: { type: 'User', id: 'ann' }, attrs: {}, parents: [{ type: 'Group', id: 'staff' }], tags: { team: 'red' } },
  { uid: { type: 'User', id: 'bob' }, attrs: {}, parents: [] },
  { uid: { type: 'Group', id: 'staff' }, attrs: {}, parents: [{ type: 'Group', id: 'admins' }] },
  {
    uid: { type: 'Doc', id: 'd' },
    attrs: { owner: { __entity: { type: 'User', id: 'bob' } } },
    parents: [{ type: 'Folder', id: 'f' }],
  },
];
const LINKS = [
  {
    templateId: 'linked',
    newId: 'ann_in_f',
    values: { '?principal': { type: 'User', id: 'ann' }, '?resource': { type: 'Folder', id: 'f' } },
  },
];
const EXTENSION = {
  price: { __extn: { fn: 'decimal', arg: '10.25' } },
  from: { __extn: { fn: 'ip', arg: '10.1.2.3' } },
  at: { __extn: { fn: 'datetime', arg: '2026-06-01' } },
};
const REQUESTS: readonly (readonly [string, string, string])[] = [
  ['ann', 'view', '{}'],
  ['bob', 'view', '{}'],
  ['bob', 'edit', '{}'],
  ['ann', 'edit', '{"denied":true}'],
  ['ann', 'tagged', '{}'],
  ['bob', 'tagged', '{}'],
  ['bob', 'extension', JSON.stringify(EXTENSION)],
  ['bob', 'extension', JSON.stringify({ ...EXTENSION, from: { __extn: { fn: 'ip', arg: '11.1.2.3' } } })],
  ['bob', 'like', '{"path":"/srv/a/b/x*"}'],
  ['bob', 'like', '{"path":"/srv/a/b/xy"}'],
  ['bob', 'error', '{}'],
  ['ann', 'linked', '{}'],
  ['bob', 'linked', '{}'],
];

function open() {
  const place = newPlace();
  writeFileSync(join(place.folder, 'p.cedar'), POLICIES);
  writeFileSync(join(place.folder, 'e.json'), JSON.stringify(ENTITIES));
  writeFileSync(join(place.folder, 'l.json'), JSON.stringify(LINKS));
  const args = [
    'policy',
    'check',
    '--no-baseline',
    '--policies',
    'p.cedar',
    '--entities',
    'e.json',
    '--links',
    'l.json',
  ];
  return { ...place, args };
}

function line(principal: string, action: string, context: string): string {
  return `{"principal":{"type":"User","id":"${principal}"},"action":{"type":"Action","id":"${action}"},"resource":{"type":"Doc","id":"d"},"context":${context}}`;
}

test('any Cedar request is answered exactly as Cedar answers it', async () => {
  const { palyra, args } = open();
  const ended = await palyra([...args, '--batch', '-'], {
    input: REQUESTS.map((request) => `${line(...request)}\n`).join(''),
  });
  const templateAt = POLICIES.indexOf('@id("linked")');
  const answers = ended.stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  const plain = REQUESTS.map(([principal, action, context]) => {
    const answer = cedar.isAuthorized({
      principal: { type: 'User', id: principal },
      action: { type: 'Action', id: action },
      resource: { type: 'Doc', id: 'd' },
      context: JSON.parse(context),
      policies: {
        staticPolicies: POLICIES.slice(0, templateAt),
        templates: { policy8: POLICIES.slice(templateAt) },
        templateLinks: LINKS.map((link) => ({ ...link, templateId: 'policy8' })),
      },
      entities: ENTITIES,
    });
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer));
    return { decision: answer.response.decision, reason: answer.response.diagnostics.reason.toSorted() };
  });
  expect(answers.map(({ decision, diagnostics }) => ({ decision, reason: diagnostics.reason }))).toEqual(plain);
  expect(plain.map(({ decision }) => decision)).toContain('allow');
  expect(answers[10]).toMatchObject({ decision: 'deny', errors: [{ policy_id: 'broken' }] });
  expect(answers[11]).toMatchObject({ decision: 'allow', matched_policies: ['ann_in_f'] });
  expect(ended.code).toBe(10);
});

test.each([
  ['9007199254740993', 0],
  ['9007199254740992', 10],
])('an integer beyond 2^53 is not rounded: %s', async (n, code) => {
  const { palyra, args } = open();
  const ended = await palyra([...args, '--request', '-'], { input: line('bob', 'amount', `{"n":${n}}`) });
  expect(ended).toMatchObject({ code, stderr: '' });
});

test('a schema reads entities and context, and refuses what it does not allow when asked to', async () => {
  const { palyra, folder } = open();
  writeFileSync(
    join(folder, 's.cedarschema'),
    'entity User; entity Doc; action view appliesTo { principal: User, resource: Doc, context: { n?: Long } };',
  );
  writeFileSync(join(folder, 'all.cedar'), 'permit (principal, action, resource);');
  const args = [
    'policy',
    'check',
    '--no-baseline',
    '--policies',
    'all.cedar',
    '--schema',
    's.cedarschema',
    '--request',
    '-',
  ];
  expect((await palyra(args, { input: line('bob', 'view', '{"n":1}') })).code).toBe(0);
  expect((await palyra([...args, '--validate-request'], { input: line('bob', 'view', '{"n":1}') })).code).toBe(0);
  const refused = await palyra([...args, '--validate-request'], { input: line('bob', 'edit', '{}') });
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Cedar does not accept') });
});

test.each([
  ['{"__extn":{"fn":"unknown","arg":"x"}}', 'unknown'],
  [`${'['.repeat(60)}${']'.repeat(60)}`, 'deep'],
  ['"\\ud800"', 'surrogate'],
])('a context of %s is refused, and the next request is answered', async (value) => {
  const { palyra, args } = open();
  const input = `${line('bob', 'view', `{"x":${value}}`)}\n${line('bob', 'view', '{}')}\n`;
  const ended = await palyra([...args, '--batch', '-'], { input });
  const [bad, good] = ended.stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(bad).toMatchObject({ line: 1, decision: 'deny', error: { code: expect.stringMatching(/^input\./) } });
  expect(good).toMatchObject({ decision: 'allow' });
  expect(ended.code).toBe(2);
});

const TEMPLATE = '@id("late") forbid (principal == ?principal, action, resource);';
const WHO = { '?principal': { type: 'User', id: 'ann' } };

test('a template is one wherever it stands, and what is linked is called by its link', async () => {
  const { palyra, folder } = newPlace();
  const texts = [
    TEMPLATE,
    'permit (principal, action, resource);',
    TEMPLATE.replace('late', 'other'),
    'permit (principal, action == Action::"view", resource);',
  ];
  writeFileSync(join(folder, 'p.cedar'), texts.join('\n'));
  const links = [{ templateId: 'late', newId: 'link7', values: WHO }];
  writeFileSync(join(folder, 'l.json'), JSON.stringify(links));
  const args = ['policy', 'check', '--no-baseline', '--policies', 'p.cedar', '--links', 'l.json', '--request', '-'];
  for (const principal of ['ann', 'bob']) {
    const ended = await palyra([...args, '--json'], { input: line(principal, 'view', '{}') });
    const plain = cedar.isAuthorized({
      principal: { type: 'User', id: principal },
      action: { type: 'Action', id: 'view' },
      resource: { type: 'Doc', id: 'd' },
      context: {},
      policies: {
        staticPolicies: { policy1: texts[1] ?? '', policy3: texts[3] ?? '' },
        templates: { policy0: texts[0] ?? '', policy2: texts[2] ?? '' },
        templateLinks: links.map((link) => ({ ...link, templateId: 'policy0' })),
      },
      entities: [],
    });
    if (plain.type === 'failure') throw new Error(JSON.stringify(plain));
    const { decision, diagnostics } = JSON.parse(ended.stdout);
    const { response } = plain;
    expect({ decision, reason: diagnostics.reason }).toEqual({
      decision: response.decision,
      reason: response.diagnostics.reason.toSorted(),
    });
  }
  const { stdout } = await palyra(args, { input: line('bob', 'view', '{}') });
  expect(stdout).toBe('✓ ALLOW\n  policy1   p.cedar:2\n  policy3   p.cedar:4\n');
});

test.each([
  ['l.json', [{ templateId: 'late', newId: 'policy1', values: WHO }], 'l.json: two policies are called policy1'],
  ['l.json', [{ templateId: 'late', newId: 'all', values: WHO }], 'l.json: two policies are called all'],
  ['l.json', [{ templateId: 'lat', newId: 'x', values: WHO }], 'l.json: no template is called lat'],
  ['l.json', [{ templateId: 'late', newId: 'x', values: {} }], 'l.json: unable to link template'],
  ['e.json', [{ uid: 'x' }], 'e.json: error during entity deserialization'],
])('a fault in %s is laid to that file, before any request: %j', async (file, fault, said) => {
  const { palyra, folder } = newPlace();
  writeFileSync(join(folder, 'p.cedar'), `${TEMPLATE} @id("all") permit (principal, action, resource);`);
  writeFileSync(join(folder, 'l.json'), '[]');
  writeFileSync(join(folder, 'e.json'), '[]');
  writeFileSync(join(folder, file), JSON.stringify(fault));
  const ended = await palyra(
    [
      'policy',
      'check',
      '--no-baseline',
      '--policies',
      'p.cedar',
      '--links',
      'l.json',
      '--entities',
      'e.json',
      '--batch',
      '-',
    ],
    { input: line('ann', 'view', '{}') },
  );
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(said) });
});

test('an id that would be rounded is refused, and the others keep theirs', async () => {
  const { palyra, args } = open();
  const asked = line('bob', 'view', '{}');
  const input = ['9007199254740993', '7', '"a"'].map((id) => asked.replace('{', `{"id":${id},`)).join('\n');
  const { stdout } = await palyra([...args, '--batch', '-'], { input });
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(answers).toMatchObject([{ error: { code: 'input.invalid' } }, { id: 7, decision: 'allow' }, { id: 'a' }]);
});

test('the package that is compared with is the one that is shipped', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  expect(manifest.dependencies['@cedar-policy/cedar-wasm']).toBe(cedar.getCedarSDKVersion());
});
