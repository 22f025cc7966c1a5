import { PalyraError } from '../errors.ts';
import { nearest } from '../text.ts';

/** Every setting of palyra.toml with its effective value. Lists named `…_allowlist` mean anybody when empty. */
export interface Settings {
  readonly policy: { readonly paths: readonly string[] };
  readonly tool_call: {
    readonly allowed_tools: readonly string[];
    readonly allowed_skills: readonly string[];
    readonly allow_sensitive_tools: boolean;
    /** 0: no limit */
    readonly max_calls_per_run: number;
    readonly sensitive_actions: readonly string[];
    readonly tool_execute_principal_allowlist: readonly string[] | typeof NOBODY;
    readonly tool_execute_channel_allowlist: readonly string[] | typeof NOBODY;
    readonly process_runner: {
      readonly enabled: boolean;
      readonly tier: 'b' | 'c';
      readonly egress_enforcement_mode: 'none' | 'preflight' | 'strict';
      readonly workspace_root: string;
      readonly allowed_executables: readonly string[];
      readonly allow_interpreters: boolean;
      readonly allowed_egress_hosts: readonly string[];
      readonly allowed_dns_suffixes: readonly string[];
      readonly timeout_ms: number;
      readonly cpu_time_limit_ms: number;
      readonly memory_limit_bytes: number;
      readonly max_output_bytes: number;
      readonly max_processes: number;
      readonly max_file_size_bytes: number;
      readonly max_open_files: number;
      readonly tmp_size_bytes: number;
    };
  };
  readonly skills: Readonly<Record<string, SkillStatus>>;
  readonly approvals: { readonly timeout_seconds: number; readonly scripted_resolve: boolean };
}

export type SkillStatus = 'active' | 'quarantined' | 'disabled';

/** Two lists that share no name: nobody passes. Not an empty list, which means anybody. */
export const NOBODY = 'nobody';

/** Any value of palyra.toml. */
export type Value = boolean | number | string | readonly string[] | Readonly<Record<string, string>>;

/** What a key may hold, what it is when nobody says, and how a project's file may narrow it. */
export type Setting =
  | { readonly kind: 'switch'; readonly initial: boolean; readonly narrow: 'off' | 'ignore' }
  | {
      readonly kind: 'number';
      readonly initial: number;
      readonly least: number;
      readonly most: number;
      readonly unlimited?: 0;
    }
  | { readonly kind: 'choice'; readonly initial: string; readonly choices: readonly string[] }
  | { readonly kind: 'path'; readonly initial: string }
  | {
      readonly kind: 'list';
      readonly initial: readonly string[];
      readonly narrow: 'intersect' | 'gate' | 'wildcard' | 'union' | 'append';
    }
  | { readonly kind: 'statuses'; readonly initial: Readonly<Record<string, string>> };

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

/** Every key, in the order of the file. `choices` stand from the loosest to the strictest. */
export const SETTINGS = {
  'policy.paths': { kind: 'list', initial: [], narrow: 'append' },
  'tool_call.allowed_tools': { kind: 'list', initial: [], narrow: 'intersect' },
  'tool_call.allowed_skills': { kind: 'list', initial: [], narrow: 'intersect' },
  'tool_call.allow_sensitive_tools': { kind: 'switch', initial: false, narrow: 'off' },
  'tool_call.max_calls_per_run': { kind: 'number', initial: 0, least: 0, most: 1_000_000, unlimited: 0 },
  'tool_call.sensitive_actions': { kind: 'list', initial: ['cron.delete', 'memory.purge'], narrow: 'union' },
  'tool_call.tool_execute_principal_allowlist': { kind: 'list', initial: [], narrow: 'gate' },
  'tool_call.tool_execute_channel_allowlist': { kind: 'list', initial: [], narrow: 'gate' },
  'tool_call.process_runner.enabled': { kind: 'switch', initial: false, narrow: 'off' },
  'tool_call.process_runner.tier': { kind: 'choice', initial: 'c', choices: ['b', 'c'] },
  'tool_call.process_runner.egress_enforcement_mode': {
    kind: 'choice',
    initial: 'strict',
    choices: ['none', 'preflight', 'strict'],
  },
  'tool_call.process_runner.workspace_root': { kind: 'path', initial: '.' },
  'tool_call.process_runner.allowed_executables': { kind: 'list', initial: [], narrow: 'wildcard' },
  'tool_call.process_runner.allow_interpreters': { kind: 'switch', initial: false, narrow: 'off' },
  'tool_call.process_runner.allowed_egress_hosts': { kind: 'list', initial: [], narrow: 'intersect' },
  'tool_call.process_runner.allowed_dns_suffixes': { kind: 'list', initial: [], narrow: 'intersect' },
  'tool_call.process_runner.timeout_ms': { kind: 'number', initial: 30_000, least: 1, most: 86_400_000 },
  'tool_call.process_runner.cpu_time_limit_ms': { kind: 'number', initial: 10_000, least: 1, most: 86_400_000 },
  'tool_call.process_runner.memory_limit_bytes': { kind: 'number', initial: GIB, least: 16 * MIB, most: 1024 * GIB },
  'tool_call.process_runner.max_output_bytes': { kind: 'number', initial: MIB, least: 1, most: GIB },
  'tool_call.process_runner.max_processes': { kind: 'number', initial: 256, least: 1, most: 65_536 },
  'tool_call.process_runner.max_file_size_bytes': { kind: 'number', initial: 64 * MIB, least: 1, most: 1024 * GIB },
  'tool_call.process_runner.max_open_files': { kind: 'number', initial: 1024, least: 8, most: 1_048_576 },
  'tool_call.process_runner.tmp_size_bytes': { kind: 'number', initial: 256 * MIB, least: 4096, most: 1024 * GIB },
  skills: { kind: 'statuses', initial: {} },
  'approvals.timeout_seconds': { kind: 'number', initial: 900, least: 1, most: 86_400 },
  'approvals.scripted_resolve': { kind: 'switch', initial: false, narrow: 'ignore' },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;

/** All keys, in the order of the file. */
export function settingKeys(): SettingKey[] {
  return Object.keys(SETTINGS) as SettingKey[];
}

export const SKILL_STATUSES: readonly string[] = ['active', 'quarantined', 'disabled'];

/** A file's settings as they stand: key → value, checked one by one. */
export type GivenSettings = ReadonlyMap<SettingKey, Value>;

/**
 * Check a parsed palyra.toml, key by key.
 * @param lineOf where a dotted key stands in the file, 1-based; undefined when it cannot be told
 * @throws PalyraError input.invalid with the line and, for an unknown key, the nearest one
 */
export function readSettings(
  document: unknown,
  file: string,
  lineOf: (key: string) => number | undefined,
): GivenSettings {
  const given = new Map<SettingKey, Value>();
  for (const [key, value] of leaves(document, '')) {
    const at = `${file}:${lineOf(key) ?? 1}`;
    if (!isSettingKey(key)) throw unknownKey(key, at);
    given.set(key, checkValue(key, value, at));
  }
  return given;
}

function* leaves(node: unknown, prefix: string): Generator<[string, unknown]> {
  const known = prefix === '' || settingKeys().some((key) => key.startsWith(`${prefix}.`));
  if (!isTable(node) || !known) {
    yield [prefix, node];
    return;
  }
  for (const [key, value] of Object.entries(node)) {
    // a quoted key with a dot in it is one key that nobody knows, not two that we do
    const name = key.includes('.') ? JSON.stringify(key) : key;
    yield* leaves(value, prefix === '' ? name : `${prefix}.${name}`);
  }
}

function isTable(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node) && !(node instanceof Date);
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

function unknownKey(key: string, at: string): PalyraError {
  const [near] = nearest(key, settingKeys());
  const [sibling] = settingKeys().filter((known) => known.endsWith(`.${key.split('.').pop()}`));
  const meant = near ?? sibling;
  return new PalyraError('input.invalid', `${at}: unknown key ${key.slice(0, 80)}`, {
    hint: meant === undefined ? 'palyra policy show --config   lists every key' : `did you mean ${meant}?`,
  });
}

function checkValue(key: SettingKey, value: unknown, at: string): Value {
  const setting: Setting = SETTINGS[key];
  const wrong = (expected: string): PalyraError => new PalyraError('input.invalid', `${at}: ${key} is ${expected}`);
  switch (setting.kind) {
    case 'switch':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return value;
    case 'number':
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < setting.least || value > setting.most) {
        throw wrong(`a whole number from ${setting.least} to ${setting.most}`);
      }
      return value;
    case 'choice':
      if (typeof value !== 'string' || !setting.choices.includes(value))
        throw wrong(`one of ${setting.choices.join(', ')}`);
      return value;
    case 'path':
      if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong('the path of a folder');
      return value;
    case 'list':
      if (!isTextList(value)) throw wrong('a list of at most 10000 texts');
      return value;
    case 'statuses':
      if (!isStatuses(value)) throw wrong(`a table of skill = ${SKILL_STATUSES.map((one) => `"${one}"`).join(' or ')}`);
      return value;
  }
}

function isTextList(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= 10_000 &&
    value.every((item) => typeof item === 'string' && item !== '' && item.length <= 4096 && !item.includes('\0'))
  );
}

function isStatuses(value: unknown): value is Record<string, string> {
  return (
    isTable(value) &&
    Object.values(value).every((status) => typeof status === 'string' && SKILL_STATUSES.includes(status))
  );
}
