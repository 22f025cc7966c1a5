import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { namePolicies, type PolicySource, readPolicies, splitPolicies } from '../../src/policy/source.ts';

const cedar = openCedar();

describe('a split file', () => {
  test('says of each policy where it stands, what it is called, and whom it concerns', () => {
    const text = [
      '\ufeff// every comment counts: permit(principal, action, resource);',
      '@id("one")',
      '@why("braces } and ; in \\"strings\\"")',
      'permit (',
      '  principal == User::"ann\\u{1F600}",',
      '  action in [Action::"read", NS::Action::"write",],',
      '  resource is Files::Photo in Album::"a,b"',
      ') when { context.x == ";}" };',
      '@id("two") forbid(principal in ?principal, action, resource);permit(principal is User, action == Action::"x", resource == (F::"a"));',
    ].join('\r\n');
    const [one, two, three] = splitPolicies(text, 'policies/team.cedar');
    expect(one).toMatchObject({
      file: 'policies/team.cedar',
      index: 0,
      startLine: 2,
      line: 4,
      annotations: new Map([
        ['id', 'one'],
        ['why', 'braces } and ; in "strings"'],
      ]),
      effect: 'permit',
      isTemplate: false,
      scope: {
        principal: { op: '==', entity: { type: 'User', id: 'ann😀' } },
        action: {
          op: 'in',
          entities: [
            { type: 'Action', id: 'read' },
            { type: 'NS::Action', id: 'write' },
          ],
        },
        resource: { op: 'is', type: 'Files::Photo', in: { type: 'Album', id: 'a,b' } },
      },
    });
    expect(two).toMatchObject({
      index: 1,
      startLine: 9,
      line: 9,
      effect: 'forbid',
      isTemplate: true,
      scope: {
        principal: { op: 'in', entities: [{ slot: '?principal' }] },
        action: { op: 'any' },
        resource: { op: 'any' },
      },
    });
    expect(three?.scope).toEqual({
      principal: { op: 'is', type: 'User' },
      action: { op: '==', entity: { type: 'Action', id: 'x' } },
      resource: { op: 'other' },
    });
    expect([one, two, three].map((policy) => policy && text.slice(policy.start + 1, policy.end + 1))).toEqual([
      one?.text,
      two?.text,
      three?.text,
    ]);
  });

  test('is split as Cedar splits it, whatever stands in comments, strings and annotations', () => {
    fc.assert(
      fc.property(policyText, (text) => {
        const parts = cedar.parts(text);
        expect(parts).toMatchObject({ ok: true });
        const sources = readPolicies(cedar, text, 'a.cedar');
        const found = parts.ok ? parts.value.policies.length + parts.value.templates.length : 0;
        expect(sources.map((source) => source.index)).toEqual([...Array(found).keys()]);
        for (const source of sources) expect(readHead(source)).toEqual(headOf(source));
      }),
      { numRuns: 300 },
    );
  });

  test('is refused when a piece is no policy, with its line', () => {
    for (const text of [
      'permit(principal, action, resource);\n;',
      '\npermt(principal, action, resource);',
      '\nforbid',
      '\npermit("',
      '\npermit "\\"\\',
    ]) {
      expect(() => splitPolicies(text, 'a.cedar')).toThrow(/^a\.cedar:2: not a policy$/);
    }
  });

  test('is refused in the words of Cedar, with file, line, column and frame', () => {
    const text = '\ufeffpermit(principal, action, resource)\nwhen { "é" == contxt.x };';
    expect(caught(() => readPolicies(cedar, text, 'team.cedar'))).toMatchObject({
      code: 'input.invalid',
      message: 'team.cedar:2:15: invalid member access `contxt.x`, `contxt` has no fields or methods',
      why: [
        '1 | permit(principal, action, resource)',
        '2 | when { "é" == contxt.x };',
        '  |               ^^^^^^^^',
      ].join('\n'),
      hint: 'did you mean `context`?',
    });
  });
});

describe('a policy without a name', () => {
  test('is named for its file and place', () => {
    const text = '@id("a") permit(principal, action, resource); @id forbid(principal, action, resource);';
    expect(namePolicies(splitPolicies(text, 'x/y.cedar')).map((policy) => policy.id)).toEqual(['a', 'y.cedar:2']);
  });

  test('may not have that of another', () => {
    const policy = '@id("a")\npermit(principal, action, resource);\n';
    const sources = [...splitPolicies(policy, 'x.cedar'), ...splitPolicies(`\n${policy}`, 'y.cedar')];
    expect(caught(() => namePolicies(sources))).toMatchObject({
      code: 'input.invalid',
      message: 'two policies are called a',
      why: 'x.cedar:1 and y.cedar:2',
    });
  });
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

/** The head and annotations as Cedar reads them, in our words. */
function readHead({ text, isTemplate }: PolicySource): unknown {
  const json = isTemplate ? cedar.templateJson(text) : cedar.policyJson(text);
  if (!json.ok) throw new Error(text);
  const { effect, annotations, principal, action, resource } = json.value;
  return {
    effect,
    annotations: Object.fromEntries(Object.entries(annotations ?? {}).map(([name, value]) => [name, value ?? ''])),
    scope: { principal: constraint(principal), action: constraint(action), resource: constraint(resource) },
  };
}

function constraint(json: object): unknown {
  const { op, entity, entities, slot, entity_type: type, in: within } = json as Record<string, never>;
  const target = slot === undefined ? entity : { slot };
  if (op === 'All') return { op: 'any' };
  if (op === '==') return { op, entity: target };
  if (op === 'in') return { op, entities: entities ?? [target] };
  if (within === undefined) return { op, type };
  const { entity: group, slot: hole } = within as { entity?: unknown; slot?: string };
  return { op, type, in: group ?? { slot: hole } };
}

function headOf({ effect, annotations, scope }: PolicySource): unknown {
  return { effect, annotations: Object.fromEntries(annotations), scope };
}

const hostile = fc.constantFrom(
  ';',
  '}',
  '{',
  '(',
  ')',
  '//',
  '"',
  '\\',
  "'",
  'permit(',
  '?principal',
  '@id',
  '\n',
  'é',
  '😀',
  ',',
  'x',
);
const content = fc.array(hostile, { maxLength: 6 }).map((parts) => parts.join(''));
const literal = content.map(
  (text) => `"${text.replace(/["\\]/g, '\\$&').replace('é', '\\u{e9}').replace("'", "\\'")}"`,
);
const gap = fc.oneof(
  { weight: 3, arbitrary: fc.constant(' ') },
  fc.constantFrom('\n', '\r\n', '\t', '\u00a0', '\u2028', '\u0085', ' \n '),
  content.map((text) => ` // ${text.replace(/\n/g, ' ')}\n`),
  fc.constant('// ; }\r'),
);
const type = fc.constantFrom('User', 'A::B', '_x1', 'permitted');
const uid = fc.tuple(type, gap, literal).map(([name, space, id]) => `${name}::${space}${id}`);

function variable(name: 'principal' | 'resource'): fc.Arbitrary<string> {
  const target = fc.oneof({ weight: 3, arbitrary: uid }, fc.constant(`?${name}`));
  return fc.oneof(
    fc.constant(name),
    fc
      .tuple(fc.constantFrom('==', ' in '), gap, target)
      .map(([op, space, right]) => `${name}${space}${op}${space}${right}`),
    fc.tuple(type, gap).map(([right, space]) => `${name} is${space}${right}`),
    fc.tuple(type, gap, target).map(([left, space, right]) => `${name} is ${left} in${space}${right}`),
  );
}

const actionUid = literal.map((id) => `Action::${id}`);
const action = fc.oneof(
  fc.constant('action'),
  actionUid.map((right) => `action==${right}`),
  actionUid.map((right) => `action in ${right}`),
  fc.array(actionUid, { maxLength: 3 }).map((all) => `action in [${all.join(' , ')}]`),
);
const annotations = fc.uniqueArray(fc.tuple(fc.constantFrom('id', 'permit', 'forbid', 'why'), fc.option(literal)), {
  selector: ([name]) => name,
  maxLength: 3,
});
const condition = fc
  .tuple(fc.constantFrom('when', 'unless'), gap, literal)
  .map(([word, space, text]) => `${word}${space}{ {"a;": ${text}}["a;"] == [${text}].contains(context.x) }`);
const policy = fc
  .tuple(
    annotations,
    fc.constantFrom('permit', 'forbid'),
    gap,
    variable('principal'),
    action,
    variable('resource'),
    fc.array(condition, { maxLength: 2 }),
  )
  .map(([notes, effect, space, principal, act, resource, conditions]) =>
    [
      ...notes.map(([name, value]) => `@${name}${value === null ? ' ' : `(${value})`}`),
      `${effect}${space}(${principal}${space},${act},${space}${resource})`,
      ...conditions,
      ';',
    ].join(space),
  );
const policyText = fc
  .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(gap, policy), { maxLength: 13 }), gap)
  .map(([bom, policies, tail]) => bom + policies.map((each) => each.join('')).join('') + tail);
