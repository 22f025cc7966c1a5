import { PalyraError } from '../errors.ts';
import { comparedTexts } from './compared.ts';
import type { Cedar } from './engine.ts';
import type { GateContext } from './evaluator.ts';
import { EVERYTHING, observe, observeAll } from './observe.ts';
import { asciiLower } from './request.ts';
import type { NamedPolicy } from './source.ts';

/** The requests that policies can tell apart. */
export interface Space {
  readonly contexts: () => Iterable<GateContext>;
  /**
   * Parts of a request that policies look at beyond action and flags: of these only the values that policies name are
   * tried, one that they do not, and none. Empty: every request that there can be is like one of the space.
   */
  readonly sampled: readonly string[];
}

/** More requests than these are not enumerated. */
const LIMIT = 200_000;

/**
 * All that policies can tell apart: the known actions, those that policies name, and one that nobody knows; every flag
 * that they look at; and values of whatever else they do.
 * @throws PalyraError input.too_large
 */
export function openSpace(cedar: Cedar, policies: readonly NamedPolicy[], actions: readonly string[]): Space {
  const parsed = policies.map(({ text }) => cedar.policyJson(text));
  const observed = observeAll(parsed.map((json) => (json.ok ? observe(json.value) : EVERYTHING)));
  const named = new Map<string, Set<string>>();
  for (const json of parsed) {
    for (const [part, texts] of json.ok ? comparedTexts(json.value) : []) {
      named.set(part, new Set([...(named.get(part) ?? []), ...texts]));
    }
  }
  const looksAt = (part: Part): boolean =>
    observed.context === 'every attribute' ||
    observed.context.has(part) ||
    ((part === 'principal' || part === 'resource') && observed[part]);
  const sampled = [...TEXTS, 'capabilities' as const].filter(looksAt);
  const axes: readonly Axis[] = [
    { part: 'action', values: [...new Set([...actions, ...(named.get('action') ?? []), UNKNOWN])] },
    ...FLAGS.map((part) => ({ part, values: looksAt(part) ? [false, true] : [GATES.includes(part)] })),
    ...TEXTS.map((part) => ({ part, values: looksAt(part) ? textsFor(part, named.get(part)) : [NEUTRAL[part]] })),
    { part: 'capabilities', values: looksAt('capabilities') ? listsOf(named.get('capabilities')) : [[]] },
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

function textsFor(part: (typeof TEXTS)[number], named: ReadonlySet<string> | undefined): readonly string[] {
  return [...new Set([...(named ?? []), OTHER, ...(NEVER_ABSENT.includes(part) ? [] : [''])])];
}

function listsOf(named: ReadonlySet<string> | undefined): readonly (readonly string[])[] {
  const each = [...(named ?? []), OTHER];
  return [[], ...each.map((one) => [one]), each];
}

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

/** Names that no policy knows. */
const UNKNOWN = 'some.other.action';
const OTHER = 'other';

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
const NEVER_ABSENT: readonly Part[] = ['principal', 'resource'];
/** what nobody looks at */
const NEUTRAL: Readonly<Record<(typeof TEXTS)[number], string>> = {
  principal: OTHER,
  resource: OTHER,
  device_id: '',
  channel: '',
  session_id: '',
  run_id: '',
  tool_name: '',
  skill_id: '',
};
