import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import type { Engine } from '../../src/adapters/cedar/engine.ts';
import { readImage } from '../../src/adapters/cedar/image.ts';
import { makeImage, rehearse } from '../../src/adapters/cedar/make-image.ts';
import { openPackageEngine } from '../../src/adapters/cedar/package-engine.ts';
import { compileWasm, isImageOf, isKnown, readWasm, startWasm } from '../../src/adapters/cedar/wasm-engine.ts';
import type { CedarCall } from '../../src/policy/engine.ts';

const FACTS = {
  staticPolicies: `
    @id("deny_sensitive") forbid(principal, action, resource)
    when { context.is_sensitive_action } unless { context.allow_sensitive_tools };
    permit(principal, action == Action::"tool.execute", resource) when { context.is_allowlisted_tool };`,
};
const wasm = readWasm();
const file = Buffer.from(makeImage(rehearse('facts', FACTS)));
const image = readImage(file);
const module = compileWasm(wasm, false);

const ENGINES: Readonly<Record<string, () => Engine>> = {
  'by the package': openPackageEngine,
  'by our glue': () => startWasm(module),
  'from the image': () => startWasm(module, image),
};

function ask(context: unknown, change: Partial<CedarCall> = {}): CedarCall {
  return {
    principal: '{"type":"Principal","id":"user:ops"}',
    action: '{"type":"Action","id":"tool.execute"}',
    resource: '{"type":"Resource","id":"tool:a"}',
    context: JSON.stringify(context),
    entities: '[]',
    ...change,
  };
}

const SCHEMA = `
  entity Principal, Resource;
  action "tool.execute" appliesTo { principal: Principal, resource: Resource, context: {
    is_sensitive_action: Bool, allow_sensitive_tools: Bool, is_allowlisted_tool: Bool } };`;
/** Requests that must not reach Cedar, or that it must refuse, and a part of what is said. */
const MALFORMED: readonly (readonly [Partial<CedarCall>, string])[] = [
  [{ context: '' }, 'context is not JSON'],
  [{ context: '{"x":1},"context":{}' }, 'context is not JSON'],
  [{ context: '{"x":NaN}' }, 'context is not JSON'],
  [{ context: '{"x":1,"x":1}' }, 'context has two members of one name'],
  [{ context: '{"a":"\\":","x":{"x":":","x":":"}}' }, 'context has two members of one name'],
  [{ context: '{"x":"\\ud800"}' }, 'context holds half a surrogate pair'],
  [{ context: '{"\ud800":1}' }, 'context holds half a surrogate pair'],
  [{ context: '{"x":1e400}' }, 'context holds a number out of range'],
  [{ context: `{"x":${'['.repeat(200)}${']'.repeat(200)}}` }, 'context is nested more than 32 levels deep'],
  [{ context: JSON.stringify({ x: 'é'.repeat(140_000) }) }, 'context is larger than 256 KiB'],
  [
    { context: JSON.stringify(Object.fromEntries(Array(1001).fill(1).entries())) },
    'context holds a record of more than 1000',
  ],
  [{ context: '{"x":[{"__extn":{"fn":"unknown","arg":"a"}}]}' }, 'context holds a call of unknown()'],
  [
    { context: '{"x":{"\\u005f_extn":{"fn":"ip","arg":{"__extn":{"fn":"unkn\\u006fwn"}}}}}' },
    'context holds a call of unknown()',
  ],
  [{ context: '{"x":null}' }, 'null'],
  [{ context: '{"x":1.5}' }, 'did not match'],
  [{ context: '[]' }, 'not a record'],
  [{ context: 'null' }, 'null'],
  [{ principal: '{"type":"Principal"}' }, 'failed to parse principal'],
  [{ principal: '"Principal::\\"a\\""' }, 'failed to parse principal'],
  [{ principal: '{"type":"Principal","id":"a","id":"b"}' }, 'principal has two members of one name'],
  [{ action: '{"type":"","id":"a"}' }, 'failed to parse action'],
  [{ resource: '' }, 'resource is not JSON'],
  [{ entities: '{}' }, 'expected a sequence'],
  [
    { entities: '[{"uid":{"type":"A","id":"a"},"attrs":{"x":{"__extn":{"fn":"unknown","arg":"a"}}},"parents":[]}]' },
    'entities holds a call of unknown()',
  ],
];

const SAFE = { is_sensitive_action: false, allow_sensitive_tools: false, is_allowlisted_tool: true };
const ALLOW = { kind: 'answer', decision: 'allow', reason: ['policy1'], errors: [] };
const OPEN = { staticPolicies: 'permit(principal, action, resource);' };
const OPEN_ALLOW = { ...ALLOW, reason: ['policy0'] };

describe.each(Object.entries(ENGINES))('Cedar %s', (_, start) => {
  test('decides, names the policies that decided, in order, and the errors', () => {
    const cedar = openCedar({ start });
    expect(cedar.prepare('facts', FACTS)).toEqual({ ok: true, value: undefined });
    expect(cedar.decide('facts', ask(SAFE))).toEqual(ALLOW);
    expect(cedar.decide('facts', ask({ ...SAFE, is_sensitive_action: true }))).toEqual({
      ...ALLOW,
      decision: 'deny',
      reason: ['policy0'],
    });
    expect(cedar.decide('facts', ask({}))).toMatchObject({
      decision: 'deny',
      errors: [
        { policyId: 'policy0', message: expect.stringContaining('is_sensitive_action') },
        { policyId: 'policy1', message: expect.stringContaining('is_allowlisted_tool') },
      ],
    });
  });

  test('keeps what a slot held when a new text is refused', () => {
    const cedar = openCedar({ start });
    cedar.prepare('facts', FACTS);
    expect(cedar.prepare('facts', { staticPolicies: 'permit(' })).toMatchObject({ ok: false });
    expect(cedar.decide('facts', ask(SAFE))).toEqual(ALLOW);
    expect(cedar.prepare('facts', OPEN)).toMatchObject({ ok: true });
    expect(cedar.decide('facts', ask({}))).toEqual(OPEN_ALLOW);
    expect(cedar.prepare('facts', FACTS)).toMatchObject({ ok: true });
    expect(cedar.decide('facts', ask(SAFE))).toEqual(ALLOW);
  });

  test('answers after policies that it cannot parse without dying, its slots as they were', () => {
    const cedar = openCedar({ start });
    cedar.prepare('facts', FACTS);
    cedar.prepareSchema('schema', SCHEMA);
    for (const condition of [nest(200), nest(5000)]) {
      const deep = { staticPolicies: `permit(principal, action, resource) when { ${condition} };` };
      const stopped = { ok: false, errors: [{ message: expect.stringMatching(/^Cedar stopped: /) }] };
      expect(cedar.prepare('facts', deep)).toMatchObject(stopped);
      expect(cedar.check(deep)).toMatchObject(stopped);
      expect(cedar.parts(deep.staticPolicies)).toMatchObject(stopped);
      expect(cedar.decide('facts', ask(SAFE, { schema: 'schema' }))).toEqual(ALLOW);
    }
  });

  test('fails, for nobody else, when a policy kills it in the deciding', () => {
    const cedar = openCedar({ start });
    cedar.prepare('facts', FACTS);
    const deadly = [Array(1000).fill('context.is_sensitive_action').join(' || '), `context${'.a'.repeat(1000)}`];
    for (const condition of deadly) {
      cedar.prepare('deadly', { staticPolicies: `permit(principal, action, resource) when { ${condition} };` });
      expect(cedar.decide('deadly', ask(SAFE))).toEqual({
        kind: 'failure',
        messages: [expect.stringMatching(/^Cedar stopped: /)],
      });
      expect(cedar.decide('facts', ask(SAFE))).toEqual(ALLOW);
    }
  });

  test('answers after ten thousand requests that are none, by the instance it had', () => {
    let started = 0;
    const cedar = openCedar({
      start() {
        started++;
        return start();
      },
    });
    cedar.prepare('facts', FACTS);
    for (let i = 0; i < 10_000; i++) {
      const [change, reason] = MALFORMED[i % MALFORMED.length] ?? [{}, ''];
      const answer = cedar.decide('facts', ask(SAFE, change));
      if (answer.kind === 'failure' && answer.messages[0]?.includes(reason)) continue;
      expect(answer, JSON.stringify(change).slice(0, 200)).toEqual({ kind: 'failure', messages: [reason] });
    }
    expect(cedar.decide('facts', ask(SAFE))).toEqual(ALLOW);
    expect(started).toBe(1);
  });

  test('refuses what it was never given', () => {
    expect(() => openCedar({ start }).decide('facts', ask(SAFE))).toThrow('nothing was prepared as facts');
  });

  test('reads texts with a byte order mark', () => {
    const cedar = openCedar({ start });
    expect(cedar.check({ staticPolicies: `\ufeff${OPEN.staticPolicies}` })).toMatchObject({ ok: true });
    expect(cedar.parts(`\ufeff${OPEN.staticPolicies}`)).toEqual({
      ok: true,
      value: { policies: [OPEN.staticPolicies], templates: [] },
    });
  });
});

test('an instance from the image answers as one of the package does', () => {
  const ours = openCedar({ start: ENGINES['from the image'] ?? openPackageEngine });
  const theirs = openCedar({ start: openPackageEngine });
  ours.prepare('facts', FACTS);
  theirs.prepare('facts', FACTS);
  const truth = fc.oneof({ weight: 4, arbitrary: fc.boolean() }, fc.constantFrom('yes', 1, null, [], {}));
  const context = fc.record(
    { is_sensitive_action: truth, allow_sensitive_tools: truth, is_allowlisted_tool: truth, note: fc.jsonValue() },
    { requiredKeys: [] },
  );
  const id = fc.string({ unit: 'grapheme', maxLength: 8 });
  fc.assert(
    fc.property(context, id, fc.constantFrom('tool.execute', 'tool.list'), (facts, principal, action) => {
      const call = ask(facts, {
        principal: JSON.stringify({ type: 'Principal', id: principal }),
        action: JSON.stringify({ type: 'Action', id: action }),
      });
      expect(ours.decide('facts', call)).toEqual(theirs.decide('facts', call));
    }),
    { numRuns: 500 },
  );
});

test('integers keep all their digits through our glue', () => {
  const cedar = openCedar({ start: () => startWasm(module) });
  cedar.prepare('long', {
    staticPolicies: 'permit(principal, action, resource) when { context.n == 9223372036854775807 };',
  });
  expect(cedar.decide('long', ask({}, { context: '{"n":9223372036854775807}' }))).toEqual(OPEN_ALLOW);
  expect(cedar.decide('long', ask({}, { context: '{"n":9223372036854775806}' }))).toMatchObject({ decision: 'deny' });
});

test('what the image has prepared is not prepared again, unless the text is another', () => {
  const calls: string[] = [];
  const start = (): Engine => {
    const engine = startWasm(module, image);
    return {
      ...engine,
      call(name, texts, json) {
        calls.push(name);
        return engine.call(name, texts, json);
      },
    };
  };
  const cedar = openCedar({ start });
  cedar.prepare('facts', FACTS);
  expect(calls).toEqual([]);
  cedar.prepare('facts', OPEN);
  cedar.prepare('facts', FACTS);
  cedar.prepare('facts', FACTS);
  expect(calls).toEqual(['preparsePolicySet', 'preparsePolicySet']);
});

test('an image is used whole, or not at all', () => {
  expect(isKnown(wasm)).toBe(true);
  expect(image !== undefined && isImageOf(image, wasm)).toBe(true);
  const other = Buffer.from(wasm);
  other.writeUInt8(other.readUInt8(other.length - 1) ^ 1, other.length - 1);
  expect(isKnown(other)).toBe(false);
  expect(image !== undefined && isImageOf(image, other)).toBe(false);
  for (const damaged of [file.subarray(0, -1), file.subarray(0, 4), Buffer.concat([file, Buffer.alloc(1)])]) {
    expect(readImage(damaged)).toBeUndefined();
  }
  const flipped = Buffer.from(file);
  flipped.writeUInt8(flipped.readUInt8(5000) ^ 1, 5000);
  expect(readImage(flipped)).toBeUndefined();
});

test('an image is made the same each time', () => {
  expect(Buffer.from(makeImage(rehearse('facts', FACTS))).equals(file)).toBe(true);
});

test('an image is not made of policies that do not parse', () => {
  expect(() => makeImage(rehearse('facts', { staticPolicies: 'permit(' }))).toThrow(
    /^facts: .*unexpected end of input/,
  );
});

test('policies and schemas are read, written and checked', () => {
  const cedar = openCedar();
  const text = 'permit(principal in ?principal, action == Action::"read", resource);';
  expect(cedar.templateJson(text)).toMatchObject({
    ok: true,
    value: { effect: 'permit', principal: { op: 'in', slot: '?principal' } },
  });
  expect(cedar.policyJson(text)).toMatchObject({ ok: false });
  const json = cedar.policyJson(OPEN.staticPolicies);
  expect(json).toMatchObject({ ok: true, value: { principal: { op: 'All' } } });
  expect(json.ok && cedar.policyText(json.value)).toEqual({ ok: true, value: OPEN.staticPolicies });
  expect(cedar.format('permit(principal,action,resource);', 80)).toEqual({
    ok: true,
    value: 'permit (principal, action, resource);\n',
  });
  expect(cedar.schemaJson(SCHEMA)).toMatchObject({ ok: true, value: { '': { entityTypes: { Principal: {} } } } });
  expect(
    cedar.validate({ staticPolicies: 'permit(principal, action == Action::"tool.exec", resource);' }, SCHEMA),
  ).toMatchObject({
    ok: true,
    value: { errors: [{ policyId: 'policy0', error: { help: 'did you mean `Action::"tool.execute"`?' } }] },
  });
  expect(cedar.validate(OPEN, 'entity ;')).toMatchObject({ ok: false });
});

test('a request that the schema does not allow fails only where that is asked', () => {
  const cedar = openCedar();
  cedar.prepare('open', OPEN);
  cedar.prepareSchema('schema', SCHEMA);
  const call = ask({ ...SAFE, surprise: true }, { schema: 'schema' });
  expect(cedar.decide('open', { ...call, validateRequest: true })).toMatchObject({ kind: 'failure' });
  expect(cedar.decide('open', ask(SAFE, { schema: 'schema', validateRequest: true }))).toEqual(OPEN_ALLOW);
});

/** `true` in so many brackets. */
function nest(levels: number): string {
  return `${'('.repeat(levels)}true${')'.repeat(levels)}`;
}
