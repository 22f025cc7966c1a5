import {
  type GivenSettings,
  NOBODY,
  SETTINGS,
  type Setting,
  type SettingKey,
  type Settings,
  SKILL_STATUSES,
  settingKeys,
  type Value,
} from './settings.ts';

/** A file that was read: where, and what it says. */
export interface ConfigFile {
  readonly path: string;
  readonly given: GivenSettings;
}

/** The configuration in force: every value, where it came from, and what of the project's file was ignored. */
export interface EffectiveConfig {
  readonly settings: Settings;
  readonly origins: ReadonlyMap<SettingKey, string>;
  readonly ignored: readonly { readonly key: SettingKey; readonly why: string }[];
  /** the operator's file, and the project's that may only narrow it; whether or not they exist */
  readonly userPath: string;
  readonly projectPath: string | undefined;
  /** .cedar files and folders to evaluate together with the baseline, absolute; a project's may only forbid, and
   *  lie in its folder; `folder` is that of the file that names them */
  readonly policyPaths: readonly { readonly path: string; readonly forbidOnly: boolean; readonly folder: string }[];
}

/**
 * Defaults, then the operator's file, then a project's file that may only narrow, key by key: lists intersect, numbers
 * take the smaller, booleans and choices the stricter, sensitive_actions the union. Whatever would widen is ignored and
 * named. So a repository that somebody clones can take rights away from its agent, never give it any.
 */
export function effectiveSettings(
  user: ConfigFile | undefined,
  project: ConfigFile | undefined,
): Pick<EffectiveConfig, 'settings' | 'origins' | 'ignored'> {
  const values = new Map<SettingKey, Value | typeof NOBODY>();
  const origins = new Map<SettingKey, string>();
  const ignored: { key: SettingKey; why: string }[] = [];
  for (const key of settingKeys()) {
    const setting: Setting = SETTINGS[key];
    const own = user?.given.get(key);
    values.set(key, own ?? setting.initial);
    origins.set(key, own === undefined || user === undefined ? 'default' : user.path);
    const wanted = project?.given.get(key);
    if (wanted === undefined || project === undefined) continue;
    const narrowed = narrow(setting, own ?? setting.initial, wanted);
    if ('ignored' in narrowed) ignored.push({ key, why: narrowed.ignored });
    if (!('value' in narrowed)) continue;
    if (sameValue(narrowed.value, values.get(key))) continue;
    values.set(key, narrowed.value);
    origins.set(key, `${project.path} (narrows)`);
  }
  return { settings: unflatten(values), origins, ignored };
}

type Narrowed = { readonly value: Value | typeof NOBODY; readonly ignored?: string } | { readonly ignored: string };

function narrow(setting: Setting, own: Value, wanted: Value): Narrowed {
  switch (setting.kind) {
    case 'switch':
      if (setting.narrow === 'ignore') return { ignored: 'read only from your own file' };
      return wanted === true && own === false
        ? { ignored: 'a project cannot switch it on' }
        : { value: own === true && wanted === true };
    case 'number':
      return narrowNumber(setting, own as number, wanted as number);
    case 'choice': {
      const stricter = setting.choices.indexOf(wanted as string) >= setting.choices.indexOf(own as string);
      return stricter ? { value: wanted } : { ignored: `a project cannot loosen ${String(own)} to ${String(wanted)}` };
    }
    case 'path':
      return { ignored: 'read only from your own file' };
    case 'list':
      return narrowList(setting.narrow, own as readonly string[], wanted as readonly string[]);
    case 'statuses':
      return narrowStatuses(own as Record<string, string>, wanted as Record<string, string>);
  }
}

function narrowNumber({ unlimited }: { readonly unlimited?: 0 }, own: number, wanted: number): Narrowed {
  const size = (n: number): number => (n === unlimited ? Number.POSITIVE_INFINITY : n);
  return size(wanted) <= size(own) ? { value: wanted } : { ignored: `a project cannot raise ${own} to ${wanted}` };
}

function narrowList(
  how: 'intersect' | 'gate' | 'wildcard' | 'union' | 'append',
  own: readonly string[],
  wanted: readonly string[],
): Narrowed {
  if (how === 'append') return { value: own }; // a project's policy files are read beside these, and held to forbids
  if (how === 'union') return { value: [...new Set([...own, ...wanted])] };
  if (how === 'gate' && own.length === 0) return { value: wanted };
  if (how === 'gate' && wanted.length === 0) return { value: own };
  if (how === 'wildcard' && own.includes('*')) return { value: wanted };
  if (how === 'wildcard' && wanted.includes('*')) return { value: own };
  const kept = own.filter((name) => wanted.some((other) => other.toLowerCase() === name.toLowerCase()));
  const dropped = wanted.filter((name) => !own.some((other) => other.toLowerCase() === name.toLowerCase()));
  const value = kept.length === 0 && how === 'gate' ? NOBODY : kept;
  return dropped.length === 0 ? { value } : { value, ignored: `a project cannot add ${dropped.join(', ')}` };
}

function narrowStatuses(own: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): Narrowed {
  const value: Record<string, string> = { ...own };
  const widened: string[] = [];
  for (const [skill, status] of Object.entries(wanted)) {
    const before = Object.hasOwn(own, skill) ? own[skill] : undefined;
    const stricter =
      before === undefined ? status !== 'active' : SKILL_STATUSES.indexOf(status) >= SKILL_STATUSES.indexOf(before);
    if (stricter)
      Object.defineProperty(value, skill, { value: status, enumerable: true, configurable: true, writable: true });
    else widened.push(skill);
  }
  return widened.length === 0 ? { value } : { value, ignored: `a project cannot make ${widened.join(', ')} active` };
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Dotted keys back into tables. Every key of SETTINGS is present, so the shape is Settings. */
function unflatten(values: ReadonlyMap<SettingKey, Value | typeof NOBODY>): Settings {
  const root: Record<string, unknown> = {};
  for (const [key, value] of values) {
    const path = key.split('.');
    const leaf = path.pop() ?? key;
    let table = root;
    for (const part of path) {
      table[part] ??= {};
      table = table[part] as Record<string, unknown>;
    }
    table[leaf] = value;
  }
  return root as unknown as Settings;
}
