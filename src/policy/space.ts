import { PalyraError } from '../errors.ts';
import type { Cedar } from './engine.ts';
import type { GateContext } from './evaluator.ts';
import { type Looks, matchingTexts, readLooks } from './looks.ts';
import { EVERYTHING, observe, observeAll } from './observe.ts';
import { asciiLower } from './request.ts';
import type { NamedPolicy } from './source.ts';

/** The requests that policies can tell apart. */
export interface Space {
  readonly contexts: () => Iterable<GateContext>;
  /**
   * Parts of a request that policies look at otherwise than by comparing an action with names, and flags: of these the
   * values that policies name are tried, some that their patterns match, some that they do not name, and none. Empty:
   * every request that there can be is like one of the space.
   */
  readonly sampled: readonly string[];
}

/** More requests than these are not enumerated. */
const LIMIT = 500_000;

/**
 * All that policies can tell apart: the known actions, those that policies name, and one that nobody knows; every flag
 * that they look at; and values of whatever else they do.
 * @throws PalyraError input.too_large
 */
export function openSpace(cedar: Cedar, policies: readonly NamedPolicy[], actions: readonly string[]): Space {
  const parsed = policies.map(({ text }) => cedar.policyJson(text));
  const observed = observeAll(parsed.map((json) => (json.ok ? observe(json.value) : EVERYTHING)));
  const looks = readLooks(parsed.flatMap((json) => (json.ok ? [json.value] : [])));
  const looksAt = (part: Part): boolean =>
    observed.context === 'every attribute' ||
    observed.context.has(part) ||
    ((part === 'principal' || part === 'resource') && observed[part]);
  const isMoreThanNamed =
    observed.context === 'every attribute' ||
    looks.patterns.has('action') ||
    looks.linked.some((parts) => parts.has('action'));
  const sampled = [
    ...(isMoreThanNamed ? ['action' as const] : []),
    ...[...TEXTS, 'capabilities' as const].filter(looksAt),
  ];
  const texts = textValues(looks, actions, policies);
  const axes: readonly Axis[] = [
    { part: 'action', values: texts.get('action') ?? [] },
    ...FLAGS.map((part) => ({ part, values: looksAt(part) ? [false, true] : [GATES.includes(part)] })),
    ...TEXTS.map((part) => ({ part, values: looksAt(part) ? (texts.get(part) ?? []) : [NEUTRAL[part]] })),
    { part: 'capabilities', values: looksAt('capabilities') ? listsOf(looks, texts.get('capabilities') ?? []) : [[]] },
  ];
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  if (size > LIMIT) {
    throw new PalyraError('input.too_large', `the policies can tell more than ${LIMIT} requests apart`, {
      why: `they look at ${sampled.join(', ')}`,
      hint: 'palyra policy diff OLD NEW --requests FILE',
    });
  }
  return { contexts: () => combine(axes, sampled), sampled };
}

type Part = keyof GateContext;

interface Axis {
  readonly part: Part;
  readonly values: readonly (string | boolean | readonly string[])[];
}

/** The values of each part that is a text, or (capabilities) a list of texts, whether or not anybody looks at it. */
function textValues(
  looks: Looks,
  actions: readonly string[],
  policies: readonly NamedPolicy[],
): ReadonlyMap<string, readonly string[]> {
  const known = [...looks.texts, ...actions, ...policies.map(({ text }) => text)];
  const other = newName('other', known);
  const values = new Map<string, Set<string>>();
  for (const part of [...TEXTS, 'action', 'capabilities']) {
    const patterns = looks.patterns.get(part) ?? [];
    // what is like one pattern may have to be like the others, too
    const bare = patterns.map((pattern) => pattern.join(''));
    const fillings =
      patterns.length === 0 ? [] : [other, ...bare.slice(0, PATTERNS), ...(bare.length > 2 ? [bare.join('')] : [])];
    const unlike =
      patterns.length === 0 ? undefined : RARE.find((letter) => !bare.some((text) => text.includes(letter)));
    const own = [
      ...(looks.names.get(part) ?? []),
      ...patterns.flatMap((pattern) => matchingTexts(pattern, fillings)),
      // that of which no pattern has a letter is like none of them, but for those that are like all
      ...(unlike === undefined ? [] : [unlike.repeat(3)]),
    ];
    if (part === 'action')
      values.set(part, new Set([...actions, ...own, ...fillings, newName('some.other.action', known)]));
    else values.set(part, new Set([...own, other, ...(NEVER_EMPTY.includes(part) ? [] : [''])]));
  }
  addShared(values, looks, newName('another', known));
  addSubjects(values);
  return new Map([...values].map(([part, texts]) => [part, [...texts]]));
}

const RARE = [...'zqxjkvwy0123456789_~|'];
// so many patterns of one part are matched together, two by two
const PATTERNS = 8;

/** A name that stands nowhere in the texts. */
function newName(base: string, texts: readonly string[]): string {
  let name = base;
  for (let n = 2; texts.some((text) => text.toLowerCase().includes(name)); n++) name = `${base}${n}`;
  return name;
}

/** Parts that may be compared with each other have values in common, and more than one. */
function addShared(values: Map<string, Set<string>>, { linked }: Looks, another: string): void {
  for (const parts of linked) {
    const own = [...parts].flatMap((part) => values.get(part) ?? []);
    const all = own.flatMap((texts) => [...texts]);
    for (const texts of own) for (const text of [...all, another]) texts.add(text);
  }
}

/** What executes has one name, in the resource and beside it. */
function addSubjects(values: Map<string, Set<string>>): void {
  const resources = values.get('resource') ?? new Set();
  for (const [part, prefix] of SUBJECTS) {
    const names = values.get(part) ?? new Set();
    for (const resource of [...resources]) {
      const name = asciiLower(resource);
      if (name.startsWith(prefix)) names.add(name.slice(prefix.length));
    }
  }
}

const SUBJECTS = [
  ['tool_name', 'tool:'],
  ['skill_id', 'skill:'],
] as const;

/** Every set of a few names; of many, those of one, of all, of all but one, and those that policies name. */
function listsOf({ lists }: Looks, names: readonly string[]): readonly (readonly string[])[] {
  const given = names.filter((name) => name !== '');
  const found =
    given.length <= FEW
      ? Array.from({ length: 2 ** given.length }, (_, bits) => given.filter((_, i) => (bits >> i) & 1))
      : [
          [],
          ...given.map((one) => [one]),
          ...given.map((one) => given.filter((name) => name !== one)),
          given,
          ...lists,
        ];
  // as the gate writes them: in lower case, sorted, each once
  const written = found.map((set) => [...new Set(set.map(asciiLower))].sort());
  return [...new Map(written.map((set) => [JSON.stringify(set), set])).values()];
}

const FEW = 4;

/** Every combination that can occur, one at a time. */
function* combine(axes: readonly Axis[], sampled: readonly Part[]): Generator<GateContext> {
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  for (let number = 0; number < size; number++) {
    let rest = number;
    const context: Record<string, unknown> = {};
    for (const { part, values } of axes) {
      context[part] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    // the axes are all parts of a context
    const whole = context as unknown as GateContext;
    if (canOccur(whole, sampled)) yield whole;
  }
}

/** The gate never says so: facts follow from a request, and names are normalised. */
function canOccur(context: GateContext, sampled: readonly Part[]): boolean {
  const { action, resource, tool_name: tool, skill_id: skill } = context;
  if (action !== asciiLower(action) || tool !== asciiLower(tool) || skill !== asciiLower(skill)) return false;
  const runsTool = action === 'tool.execute';
  if (!runsTool && !(context.is_tool_execute_principal_allowed && context.is_tool_execute_channel_allowed))
    return false;
  if (sampled.includes('tool_name') && !fits('tool', tool, context.is_allowlisted_tool, runsTool, resource))
    return false;
  const runsSkill = action === 'skill.execute';
  return !sampled.includes('skill_id') || fits('skill', skill, context.is_allowlisted_skill, runsSkill, resource);
}

/** What is absent is on no list; what executes has a name, and it is the one in the resource. */
function fits(
  kind: 'tool' | 'skill',
  name: string,
  isAllowlisted: boolean,
  executes: boolean,
  resource: string,
): boolean {
  if (name === '') return !isAllowlisted && !executes;
  const lower = asciiLower(resource);
  return !executes || !lower.startsWith(`${kind}:`) || lower === `${kind}:${name}`;
}

const FLAGS = [
  'is_sensitive_action',
  'is_allowlisted_tool',
  'is_allowlisted_skill',
  'is_tool_execute_principal_allowed',
  'is_tool_execute_channel_allowed',
  'allow_sensitive_tools',
] as const;
const GATES: readonly Part[] = ['is_tool_execute_principal_allowed', 'is_tool_execute_channel_allowed'];

const TEXTS = [
  'principal',
  'resource',
  'device_id',
  'channel',
  'session_id',
  'run_id',
  'tool_name',
  'skill_id',
] as const;
const NEVER_EMPTY: readonly string[] = ['principal', 'resource', 'capabilities'];
/** what nobody looks at */
const NEUTRAL: Readonly<Record<(typeof TEXTS)[number], string>> = {
  principal: 'other',
  resource: 'other',
  device_id: '',
  channel: '',
  session_id: '',
  run_id: '',
  tool_name: '',
  skill_id: '',
};
