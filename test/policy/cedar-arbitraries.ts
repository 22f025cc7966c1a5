import fc from 'fast-check';
import type { GateContext } from '../../src/policy/evaluator.ts';

// few values, so that policies and requests meet
const id = fc.constantFrom('a', 'b', '');
/** Now and then one that a careless key or reader would confuse. */
const text = fc.oneof(
  { weight: 4, arbitrary: id },
  { weight: 1, arbitrary: fc.constantFrom('a,1:b', 'a"b', '1', 'A', '}) //', 'ip\\', 'é\n') },
);
const literal = text.map(quote);
const STRINGS = [
  'action',
  'resource',
  'principal',
  'device_id',
  'channel',
  'session_id',
  'run_id',
  'tool_name',
  'skill_id',
];
const FLAGS = [
  'is_sensitive_action',
  'is_allowlisted_tool',
  'is_allowlisted_skill',
  'is_tool_execute_principal_allowed',
  'is_tool_execute_channel_allowed',
  'allow_sensitive_tools',
];
const variable = fc.constantFrom('principal', 'action', 'resource');
const stringAttribute = fc.constantFrom(...STRINGS).map((name) => `context.${name}`);
const flag = fc.constantFrom(...FLAGS).map((name) => `context.${name}`);
/** A variable, compared with an entity that it may be. */
const compared = fc
  .tuple(fc.constantFrom('principal', 'action', 'resource'), id)
  .map(([name, of]) => ({ name, entity: `${name[0]?.toUpperCase()}${name.slice(1)}::${quote(of)}` }));
const entityLiteral = fc
  .tuple(fc.constantFrom('Principal', 'Action', 'Resource', 'Tool', 'Channel', 'N::T'), literal)
  .map(([type, name]) => `${type}::${name}`);
const number = fc.constantFrom('0', '1', '-1', '9223372036854775807');
const extension = fc.constantFrom(
  'decimal("1.5")',
  'ip("10.0.0.1")',
  'ip("10.0.0.0/8")',
  'datetime("2024-10-15")',
  'duration("1h30m")',
  'decimal("x")',
  'ip(context.channel)',
);

/** Expressions of every operator; many fail when evaluated, and how is part of the answer. */
const { expression } = fc.letrec<{ expression: string; truth: string; value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    literal,
    stringAttribute,
    number,
    variable,
    entityLiteral,
    extension,
    fc.constantFrom('context.capabilities', 'context.nothing', 'context["tool_name"]', '{a: 1}', '[]', '{}'),
    flag,
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    tie('value').map((value) => `{a: ${value}, "b c": context.channel}`),
    fc.tuple(tie('value'), fc.constantFrom('a', 'channel', 'owner')).map(([of, name]) => `(${of}).${name}`),
    fc
      .tuple(tie('value'), fc.constantFrom('+', '-', '*'), tie('value'))
      .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    tie('value').map((value) => `-(${value})`),
    fc.tuple(variable, tie('value')).map(([of, tag]) => `${of}.getTag(${tag})`),
    fc.tuple(tie('value'), fc.constantFrom('toDate', 'toTime', 'toDays')).map(([of, method]) => `(${of}).${method}()`),
    fc.tuple(tie('truth'), tie('value'), tie('value')).map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
  truth: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    flag,
    fc.tuple(stringAttribute, literal).map(([a, b]) => `${a} == ${b}`),
    fc.constantFrom('true', 'false', 'context has tool_name', 'context has nothing', 'context has capabilities.length'),
    fc.tuple(stringAttribute, fc.constantFrom('"*"', '"a*"', '"*b"', '"\\*"')).map(([a, b]) => `${a} like ${b}`),
    literal.map((name) => `context.capabilities.contains(${name})`),
    compared.map(({ name, entity }) => `${name} == ${entity}`),
    compared.map(({ name, entity }) => `${name} in ${entity}`),
    fc.tuple(compared, entityLiteral).map(([{ name, entity }, other]) => `${name} in [${entity}, ${other}]`),
    fc
      .tuple(variable, fc.constantFrom('Principal', 'Action', 'Resource', 'N::T'))
      .map(([a, type]) => `${a} is ${type}`),
    compared.map(({ name, entity }) => `${name} is Principal in ${entity}`),
    fc
      .tuple(tie('value'), fc.constantFrom('a', 'owner', '"b c"', 'channel.x'))
      .map(([of, name]) => `(${of}) has ${name}`),
    fc.tuple(variable, literal).map(([of, tag]) => `${of}.hasTag(${tag})`),
    fc
      .tuple(tie('value'), fc.constantFrom('==', '!=', '<', '<=', '>', '>=', 'in'), tie('value'))
      .map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    fc
      .tuple(
        tie('value'),
        fc.constantFrom('contains', 'containsAll', 'containsAny', 'lessThan', 'isInRange', 'offset', 'durationSince'),
        tie('value'),
      )
      .map(([of, method, argument]) => `(${of}).${method}(${argument})`),
    fc
      .tuple(tie('value'), fc.constantFrom('isEmpty', 'isIpv4', 'isLoopback'))
      .map(([of, method]) => `(${of}).${method}()`),
    tie('truth').map((truth) => `!(${truth})`),
    fc
      .tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth'))
      .map(([a, operator, b]) => `(${a}) ${operator} (${b})`),
    fc.tuple(tie('truth'), tie('truth'), tie('truth')).map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
  expression: fc.oneof(
    { weight: 16, arbitrary: tie('truth') },
    { weight: 2, arbitrary: tie('value') },
    // the context as a value: seldom, for then nothing may be left out
    { weight: 1, arbitrary: fc.constantFrom('context == {}', '[context].contains({})', '{a: context} != {a: {}}') },
  ),
}));

const leading = fc.oneof(
  fc.tuple(fc.constantFrom(...STRINGS, 'nothing'), literal).map(([name, value]) => `context.${name} == ${value}`),
  compared.map(({ name, entity }) => `${name} == ${entity}`),
  fc.constantFrom('context . tool_name=="a"', 'action == Action :: "a"', 'context.tool_name == "a" // a || b\n'),
);

/** Clauses, many of which begin as those that operators write do. */
const clause = fc.tuple(
  fc.constantFrom('when', 'when', 'unless'),
  fc.oneof(
    expression,
    leading,
    fc
      .tuple(fc.array(leading, { minLength: 1, maxLength: 3 }), fc.constantFrom('&&', '&&', '||'), expression)
      .map(([equalities, operator, rest]) => `${equalities.join(' && ')} ${operator} ${rest}`),
  ),
);

/** What follows a scope: no clause, or some. */
export const policyBody = fc
  .array(clause, { maxLength: 3 })
  .map((clauses) => clauses.map(([kind, body]) => ` ${kind} { ${body} }`).join(''));

/** What stands in the brackets behind permit or forbid. */
export const policyScope = fc
  .tuple(entityScope('principal', 'Principal'), actionScope(), entityScope('resource', 'Resource'))
  .map((parts) => parts.join(', '));

const requestParts = {
  action: id,
  resource: id,
  principal: id,
  device_id: text,
  channel: text,
  session_id: text,
  run_id: text,
  tool_name: text,
  skill_id: text,
  capabilities: fc.uniqueArray(text, { maxLength: 3 }),
  is_sensitive_action: fc.boolean(),
  is_allowlisted_tool: fc.boolean(),
  is_allowlisted_skill: fc.boolean(),
  is_tool_execute_principal_allowed: fc.boolean(),
  is_tool_execute_channel_allowed: fc.boolean(),
  allow_sensitive_tools: fc.boolean(),
};

export const gateRequest: fc.Arbitrary<GateContext> = fc.record(requestParts);

const change = fc.oneof(
  ...Object.entries(requestParts).map(([name, part]) => part.map((value) => ({ [name]: value }))),
);

/** 40 requests, most of which differ from another in few parts: so what is wrongly left out is asked about. */
export const gateRequests: fc.Arbitrary<readonly GateContext[]> = fc
  .tuple(
    fc.array(gateRequest, { minLength: 4, maxLength: 4 }),
    fc.array(fc.tuple(change, change), { minLength: 36, maxLength: 36 }),
  )
  .map(([some, changes]) => [
    ...some,
    ...changes.map(([one, other], n) => ({ ...(some[n % 4] as GateContext), ...one, ...(n % 3 === 0 ? other : {}) })),
  ]);

/** Entities with attributes, tags and parents: a hierarchy from a to b, of actions too. */
export const entitiesFor = fc.subarray([
  {
    uid: { type: 'Principal', id: 'a' },
    attrs: { owner: 1, a: { channel: 'x' } },
    parents: [{ type: 'Principal', id: 'b' }],
  },
  { uid: { type: 'Action', id: 'a' }, attrs: {}, parents: [{ type: 'Action', id: 'b' }] },
  {
    uid: { type: 'Resource', id: '' },
    attrs: { owner: 'a' },
    parents: [{ type: 'Resource', id: 'b' }],
    tags: { a: 'b' },
  },
]);

function entityScope(name: string, type: string): fc.Arbitrary<string> {
  const entity = id.map((of) => `${type}::${quote(of)}`);
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(name) },
    { weight: 1, arbitrary: entity.map((of) => `${name} == ${of}`) },
    { weight: 1, arbitrary: entity.map((of) => `${name} in ${of}`) },
    { weight: 1, arbitrary: fc.constantFrom(`${name} is ${type}`, `${name} is N::T`) },
    { weight: 1, arbitrary: entity.map((of) => `${name} is ${type} in ${of}`) },
  );
}

function actionScope(): fc.Arbitrary<string> {
  const action = id.map((of) => `Action::${quote(of)}`);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('action') },
    { weight: 3, arbitrary: action.map((of) => `action == ${of}`) },
    { weight: 1, arbitrary: action.map((of) => `action in ${of}`) },
    { weight: 2, arbitrary: fc.array(action, { maxLength: 3 }).map((all) => `action in [${all.join(', ')}]`) },
  );
}

function quote(of: string): string {
  return `"${of.replace(/["\\]/g, '\\$&').replace('\n', '\\n')}"`;
}
