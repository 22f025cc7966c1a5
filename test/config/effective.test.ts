import fc from 'fast-check';
import { expect, test } from 'vitest';
import { effectiveSettings } from '../../src/config/effective.ts';
import { readPalyraToml } from '../../src/config/palyra-toml.ts';
import {
  type GivenSettings,
  NOBODY,
  SETTINGS,
  type Setting,
  type SettingKey,
  SKILL_STATUSES,
  settingKeys,
  type Value,
} from '../../src/config/settings.ts';

/** What is in force for one key under both files, and what is said to be ignored. */
function narrow(key: SettingKey, own: Value | undefined, wanted: Value) {
  const user = { path: '/own', given: new Map(own === undefined ? [] : [[key, own]]) as GivenSettings };
  const project = { path: '/project', given: new Map([[key, wanted]]) as GivenSettings };
  const { settings, ignored, origins } = effectiveSettings(user, project);
  const value = key.split('.').reduce((table: unknown, part) => (table as Record<string, unknown>)[part], settings);
  return { value, ignored: ignored.map(({ why }) => why).join(), origin: origins.get(key) };
}

const NAMES = ['git', 'GIT', 'node', 'ls'];

function valuesOf(setting: Setting): fc.Arbitrary<Value> {
  switch (setting.kind) {
    case 'switch':
      return fc.boolean();
    case 'number':
      return fc.constantFrom(setting.initial, setting.least, setting.least + 1, setting.most);
    case 'choice':
      return fc.constantFrom(...setting.choices);
    case 'path':
      return fc.constantFrom('/a', 'b');
    case 'list':
      return fc.uniqueArray(fc.constantFrom(...NAMES, '*'), { maxLength: 3 });
    case 'statuses':
      return fc.dictionary(fc.constantFrom('acme.a', 'acme.b', '__proto__'), fc.constantFrom(...SKILL_STATUSES));
  }
}

/** How much a value allows, as numbers that must not grow: said once more, and by what is let through. */
function rightsOf(setting: Setting, value: unknown): readonly number[] {
  switch (setting.kind) {
    case 'switch':
      return [Number(value)];
    case 'number':
      return [value === setting.unlimited ? Number.POSITIVE_INFINITY : Number(value)];
    case 'choice':
      return [-setting.choices.indexOf(String(value))];
    case 'path':
      return [];
    case 'list':
      return NAMES.map((name) => Number(passes(setting.narrow, value, name)));
    case 'statuses':
      return ['acme.a', 'acme.b', '__proto__'].map((skill) =>
        Number(Object.getOwnPropertyDescriptor(value, skill)?.value === 'active'),
      );
  }
}

function passes(how: string, value: unknown, name: string): boolean {
  if (value === NOBODY) return false;
  const list = value as readonly string[];
  const isNamed = list.some((one) => one.toLowerCase() === name.toLowerCase());
  // what is sensitive is what needs more
  if (how === 'union') return !isNamed;
  if (how === 'gate') return list.length === 0 || isNamed;
  return isNamed || (how === 'wildcard' && list.includes('*'));
}

test.each(settingKeys())('%s: a project takes rights away and never gives any, whatever both files say', (key) => {
  const setting: Setting = SETTINGS[key];
  fc.assert(
    fc.property(fc.option(valuesOf(setting), { nil: undefined }), valuesOf(setting), (own, wanted) => {
      const { value, ignored, origin } = narrow(key, own, wanted);
      const before = rightsOf(setting, own ?? setting.initial);
      // a skill that it does not name is as it was
      const asked = rightsOf(
        setting,
        setting.kind === 'statuses' ? { ...(own as object), ...(wanted as object) } : wanted,
      );
      const isOwnOnly = ['append', 'ignore'].includes('narrow' in setting ? setting.narrow : '');
      // as much as both allow, no more and no less
      const both = before.map((right, n) => (isOwnOnly ? right : Math.min(right, asked[n] ?? right)));
      expect(rightsOf(setting, value)).toEqual(both);
      if (setting.kind === 'path' || isOwnOnly) expect(value).toEqual(own ?? setting.initial);
      // what it asks for beyond that is said, unless it is as if it had said nothing: an empty list, or `*`
      const isSaid = 'narrow' in setting ? ['off', 'intersect'].includes(setting.narrow) : setting.kind !== 'statuses';
      if (isSaid && asked.some((right, n) => right > (before[n] ?? right))) expect(ignored).not.toBe('');
      if (origin === '/project (narrows)') expect(value).not.toEqual(own ?? setting.initial);
    }),
  );
});

test('two lists of principals that share nobody let nobody pass, which is not the empty list that lets all', () => {
  const key = 'tool_call.tool_execute_principal_allowlist';
  expect(narrow(key, ['user:ann'], ['user:bob']).value).toBe(NOBODY);
  expect(narrow(key, ['user:ann'], []).value).toEqual(['user:ann']);
  expect(narrow(key, [], ['user:bob']).value).toEqual(['user:bob']);
});

test('a project may stop a skill, and is told that it cannot start one', () => {
  const own = { 'acme.on': 'active', 'acme.off': 'disabled' };
  const wanted = { 'acme.on': 'quarantined', 'acme.off': 'active', 'acme.new': 'active' };
  expect(narrow('skills', own, wanted)).toEqual({
    value: { 'acme.on': 'quarantined', 'acme.off': 'disabled' },
    ignored: 'a project cannot make acme.off, acme.new active',
    origin: '/project (narrows)',
  });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['a switch that is a text', 'tool_call.allow_sensitive_tools = "no"'],
  ['a number that is no whole one', 'tool_call.max_calls_per_run = 1.5'],
  ['a number below the least', 'tool_call.process_runner.max_open_files = 1'],
  ['an unknown choice', 'tool_call.process_runner.tier = "a"'],
  ['an empty folder', 'tool_call.process_runner.workspace_root = ""'],
  ['a text in the place of a list', 'tool_call.allowed_tools = "palyra.echo"'],
  ['an empty name in a list', 'tool_call.allowed_tools = [""]'],
  ['a status that is none', 'skills."acme.a" = "on"'],
  ['statuses that are a list', 'skills = ["acme.a"]'],
  ['a key that nobody knows', 'tool_call.alowed_tools = []'],
  ['a quoted key that looks like two', '"tool_call.allowed_tools" = []'],
  ['what is not TOML', 'tool_call ='],
];

test.each(REFUSED)('%s is refused with its line, not read as a default', (_, line) => {
  expect(() => readPalyraToml(`# ours\n${line}\n`, 'palyra.toml')).toThrow(
    expect.objectContaining({ code: 'input.invalid', message: expect.stringMatching(/^palyra\.toml:2\b/) }),
  );
});
