import { compareText } from '../text.ts';
import type { Cedar, CedarAnswer, CedarCall, JsonText, Parsed, PolicySet, TemplateLink } from './engine.ts';
import { EVERYTHING, type Observed, observe, observeAll } from './observe.ts';
import { Recent } from './recent.ts';
import {
  type Certain,
  entityPart,
  leadingRequirements,
  openIndex,
  type PartOf,
  type PolicyIndex,
  scopeRequirements,
} from './slice.ts';
import type { NamedPolicy } from './source.ts';

/**
 * What the gate tells Cedar of a request: the whole context, every attribute present, absent texts as `''`. The
 * entities are made of the same texts: `Principal`, `Action` and `Resource`; `Tool`, `Skill` and `Channel` where their
 * text is not `''`. None has attributes or parents.
 */
export interface GateContext {
  readonly action: string;
  readonly resource: string;
  readonly principal: string;
  readonly device_id: string;
  readonly channel: string;
  readonly session_id: string;
  readonly run_id: string;
  readonly tool_name: string;
  readonly skill_id: string;
  readonly capabilities: readonly string[];
  readonly is_sensitive_action: boolean;
  readonly is_allowlisted_tool: boolean;
  readonly is_allowlisted_skill: boolean;
  readonly is_tool_execute_principal_allowed: boolean;
  readonly is_tool_execute_channel_allowed: boolean;
  readonly allow_sensitive_tools: boolean;
}

/** Policies ready to be asked. Answers call them by their ids, sorted, and are plain Cedar's on all of them. */
export interface PolicyEvaluator {
  /** One of the gate's requests. */
  evaluate(context: GateContext): CedarAnswer;
  /** The same request, were sensitive tools allowed. `denied` is what `evaluate` has just answered to it. */
  evaluateApproved(context: GateContext, denied: CedarAnswer): CedarAnswer;
  /** Any Cedar request, with entities and a schema of its own. */
  evaluateCall(call: CedarCall): CedarAnswer;
  /** Whether any policy looks at an attribute of the gate's context, of which no entity is made; in doubt, yes. */
  observes(attribute: Exclude<Attribute, (typeof ENTITIES)[number][1]>): boolean;
}

/** Some of the policies. */
interface Slice {
  readonly number: number;
  readonly policies: readonly NamedPolicy[];
  view?: View;
}

/** What a slice's policies see of the gate's requests. */
interface View {
  readonly context: readonly Attribute[];
  readonly entities: boolean;
  /** the attributes that tell requests apart: those of the context, and those that variables and entities are made of */
  readonly key: readonly Attribute[];
}

type Attribute = keyof GateContext;

/**
 * Answers many requests fast, each exactly as Cedar answers it on all the policies: policies that cannot match are
 * left out (slice.ts), so is what the others do not observe (observe.ts), and requests that are then the same are
 * asked once. What Cedar cannot answer is a failure.
 * @param slot a name for Cedar's slots that nobody else uses
 * @param policies all of which Cedar has parsed: one that no request can match is never shown to it here
 */
export function openEvaluator(
  cedar: Cedar,
  slot: string,
  policies: readonly NamedPolicy[],
  links: readonly TemplateLink[] = [],
): PolicyEvaluator {
  const statics = policies.filter(({ isTemplate }) => !isTemplate);
  const templates = policies.filter(({ isTemplate }) => isTemplate);
  const whole: Slice = { number: 0, policies: statics };
  const signatures = new Recent<string, Slice>(SIGNATURES);
  const slices = new Recent<string, Slice>(SLICES);
  const slots = new Recent<Slice, string>(SLOTS);
  const spareSlots = Array.from({ length: SLOTS }, (_, number) => `${slot}/${number}`);
  const answers = new Recent<string, CedarAnswer>(ANSWERS);
  const remembered = new WeakSet<CedarAnswer>();
  const approved = new WeakMap<CedarAnswer, CedarAnswer>();
  const observed = new Map<NamedPolicy, Observed>();
  const indexes = new Map<Certain, PolicyIndex>();
  let wholeSlot: Parsed<string> | undefined;
  let asked = 0;
  let sliceNumber = 0;

  return {
    evaluate(context) {
      asked++;
      const few = asked <= FEW;
      const slice = isSmall() && (few || isNarrow()) ? whole : sliceFor(GATE, (part) => partOfGate(part, context));
      return few || !isSurelyRead(context) ? ask(slice, writeCall(context, FULL)) : recall(slice, context);
    },
    evaluateApproved(context, denied) {
      const known = approved.get(denied);
      if (known !== undefined) return known;
      const answer = this.evaluate({ ...context, allow_sensitive_tools: true });
      // a remembered answer stands for all requests that the slice cannot tell apart, and so does what follows from it
      if (remembered.has(denied) && remembered.has(answer)) approved.set(denied, answer);
      return answer;
    },
    evaluateCall(call) {
      const partOf = readParts(call);
      return ask(isSmall() || partOf === undefined ? whole : sliceFor(ANYONE, partOf), call);
    },
    observes(attribute) {
      if (templates.length > 0) return true;
      // most policies need not be read as JSON, which takes a hundred times as long
      return statics.some(
        (policy) => !isSurelyBlindTo(policy.text, attribute) && viewFrom(observedBy(policy)).key.includes(attribute),
      );
    },
  };

  /**
   * Answer from memory, or ask about no more than the slice observes. Sound because nothing else looks at the rest:
   * a gate's call has no schema, and policies and slices never change under their number.
   */
  function recall(slice: Slice, context: GateContext): CedarAnswer {
    slice.view ??= viewOf(slice);
    const key = writeKey(slice, context, slice.view.key);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(slice, writeCall(context, slice.view));
    if (answer.kind === 'failure') return answer;
    // an error tells of the request that it came from: so it is made from the whole of it, and never given to another
    if (answer.errors.length > 0) return ask(slice, writeCall(context, FULL));
    if (key.length <= KEY_LENGTH) {
      answers.set(key, answer);
      remembered.add(answer);
    }
    return answer;
  }

  function ask(slice: Slice, call: CedarCall): CedarAnswer {
    const place = slotOf(slice);
    if (!place.ok) return { kind: 'failure', messages: place.errors.map(({ message }) => message) };
    return nameAnswer(cedar.decide(place.value, call), slice.policies, links);
  }

  /** The slot that holds a slice; that of the slice used longest ago, if none does. The whole keeps its own. */
  function slotOf(slice: Slice): Parsed<string> {
    const known = slots.get(slice);
    if (known !== undefined) return { ok: true, value: known };
    if (slice === whole) {
      wholeSlot ??= prepareIn(slot, wholeSet(policies, links));
      return wholeSlot;
    }
    const name = spareSlots.pop() ?? slots.takeOldest() ?? slot;
    const prepared = prepareIn(name, { staticPolicies: joinTexts(slice.policies) });
    if (prepared.ok) slots.set(slice, name);
    else spareSlots.push(name);
    return prepared;
  }

  function prepareIn(name: string, set: PolicySet): Parsed<string> {
    const prepared = cedar.prepare(name, set);
    return prepared.ok ? { ok: true, value: name } : prepared;
  }

  function sliceFor(certain: Certain, partOf: PartOf): Slice {
    // a link is a policy too, and its scope is not known here
    if (templates.length > 0) return whole;
    const index = indexFor(certain);
    const signature = `${certain.flat} ${index.signature(partOf)}`;
    const known = signatures.get(signature);
    if (known !== undefined) return known;
    const places = index.candidates(partOf);
    // most of the policies are not worth parsing again
    const slice = places.length * 2 > statics.length ? whole : sliceOf(places);
    signatures.set(signature, slice);
    return slice;
  }

  function sliceOf(places: readonly number[]): Slice {
    const name = places.join();
    const known = slices.get(name);
    if (known !== undefined) return known;
    const slice = { number: ++sliceNumber, policies: places.flatMap((place) => statics[place] ?? []) };
    slices.set(name, slice);
    return slice;
  }

  function indexFor(certain: Certain): PolicyIndex {
    const known = indexes.get(certain);
    if (known !== undefined) return known;
    const index = openIndex(
      statics.map(({ scope, text }) => [...scopeRequirements(scope, certain), ...leadingRequirements(text, certain)]),
    );
    indexes.set(certain, index);
    return index;
  }

  function viewOf(slice: Slice): View {
    // links observe what their templates do
    if (templates.length > 0) return FULL;
    return viewFrom(observeAll(slice.policies.map(observedBy)));
  }

  function observedBy(policy: NamedPolicy): Observed {
    const known = observed.get(policy);
    if (known !== undefined) return known;
    const json = cedar.policyJson(policy.text);
    const seen = json.ok ? observe(json.value) : EVERYTHING;
    observed.set(policy, seen);
    return seen;
  }

  /** Whether all policies together tell requests apart by nothing but the action and the facts: then no slice is needed. */
  function isNarrow(): boolean {
    whole.view ??= viewOf(whole);
    return whole.view.key.every((attribute) => NARROW.has(attribute));
  }

  /** Whether Cedar copies all policies for each call faster than some of them are prepared. */
  function isSmall(): boolean {
    return statics.length <= SMALL;
  }
}

/**
 * Whether a policy that parses looks at an attribute nowhere, by its text alone: the context is named only to take a
 * member of it by its name, which has no escapes, and no member has that name.
 */
function isSurelyBlindTo(text: string, attribute: string): boolean {
  return !text.includes(attribute) && !/\bcontext\b(?!\s*\.\s*[A-Za-z_])/.test(text);
}

/**
 * All policies as Cedar is handed them; the build keeps the baseline parsed under the same text. Cedar numbers the
 * policies of the text: templates and links have names that no number is like, whatever they are called.
 */
export function wholeSet(policies: readonly NamedPolicy[], links: readonly TemplateLink[] = []): PolicySet {
  const templates = policies.filter(({ isTemplate }) => isTemplate);
  const numbers = new Map(templates.map(({ id }, number) => [id, `template${number}`]));
  return {
    staticPolicies: joinTexts(policies.filter(({ isTemplate }) => !isTemplate)),
    templates: Object.fromEntries(templates.map(({ text }, number) => [`template${number}`, text])),
    templateLinks: links.map(({ templateId, values }, number) => ({
      templateId: numbers.get(templateId) ?? templateId,
      newId: `link${number}`,
      values,
    })),
  };
}

/** One of the gate's requests as Cedar is asked it, whole. */
export function cedarCallOf(request: GateContext): CedarCall {
  return writeCall(request, FULL);
}

function joinTexts(policies: readonly NamedPolicy[]): string {
  return policies.map(({ text }) => text).join('\n');
}

/** Cedar calls the policies of a text `policy0` and so on; links are called by wholeSet. */
function nameAnswer(
  answer: CedarAnswer,
  policies: readonly NamedPolicy[],
  links: readonly TemplateLink[],
): CedarAnswer {
  if (answer.kind === 'failure') return answer;
  const nameOf = (id: string): string => {
    const [, kind, number] = /^(policy|link)(\d+)$/.exec(id) ?? [];
    return (kind === 'link' ? links[Number(number)]?.newId : policies[Number(number)]?.id) ?? id;
  };
  return {
    ...answer,
    reason: answer.reason.map(nameOf).sort(compareText),
    errors: answer.errors
      .map(({ policyId, message }) => ({ policyId: nameOf(policyId), message }))
      .sort((a, b) => compareText(a.policyId, b.policyId)),
  };
}

function viewFrom(observed: Observed): View {
  const { context: names } = observed;
  // an attribute that the gate never has is absent from every request: nothing to tell apart
  const context = ATTRIBUTES.filter((attribute) => names === 'every attribute' || names.has(attribute));
  // without parents, `in` is equality whether or not the entities are there: they are seen by their attributes alone
  const { entities } = observed;
  const key = ATTRIBUTES.filter(
    (attribute) =>
      context.includes(attribute) ||
      (attribute === 'principal' && observed.principal) ||
      (attribute === 'action' && observed.action) ||
      (attribute === 'resource' && observed.resource) ||
      (entities && ENTITIES.some(([, source]) => source === attribute)),
  );
  return { context, entities, key };
}

/**
 * One text for all requests that a view cannot tell apart. Texts are written with their lengths, so that none runs into
 * the next; other than texts, lists of texts and booleans the gate has no values.
 */
function writeKey({ number }: Slice, context: GateContext, attributes: readonly Attribute[]): string {
  let key = `${number}`;
  for (const attribute of attributes) {
    const value = context[attribute];
    if (typeof value === 'string') key += `,${value.length}:${value}`;
    else if (typeof value === 'boolean') key += value ? ',true' : ',false';
    else key += `,${value.length};${value.map((item) => `${item.length}:${item}`).join()}`;
  }
  return key;
}

function writeCall(request: GateContext, view: View): CedarCall {
  const context = view.context.map((attribute) => `"${attribute}":${JSON.stringify(request[attribute])}`);
  const entities = ENTITIES.filter(([type, source]) => ALWAYS.includes(type) || request[source] !== '').map(
    ([type, source]) => `{"uid":${writeUid(type, request[source])},"attrs":{},"parents":[]}`,
  );
  return {
    principal: writeUid('Principal', request.principal),
    action: writeUid('Action', request.action),
    resource: writeUid('Resource', request.resource),
    context: `{${context.join()}}`,
    entities: view.entities ? `[${entities.join()}]` : '[]',
  };
}

function writeUid(type: string, id: string): JsonText {
  return `{"type":"${type}","id":${JSON.stringify(id)}}`;
}

/**
 * Whether Cedar would read the whole of a request, however little of it it is told: whole surrogate pairs, and far
 * within the limits on a call (a unit is at most six bytes of JSON, and a uid at most 64 KiB).
 */
function isSurelyRead(context: GateContext): boolean {
  let length = context.capabilities.length;
  for (const attribute of ATTRIBUTES) {
    const value = context[attribute];
    if (typeof value === 'boolean') continue;
    for (const text of typeof value === 'string' ? [value] : value) {
      length += text.length;
      if (!text.isWellFormed()) return false;
    }
  }
  return length <= READ_LENGTH;
}

function partOfGate(part: string, context: GateContext): string | undefined {
  if (part === 'principal') return entityPart('Principal', context.principal);
  if (part === 'action') return entityPart('Action', context.action);
  if (part === 'resource') return entityPart('Resource', context.resource);
  if (part === 'principal type') return 'Principal';
  if (part === 'resource type') return 'Resource';
  const value = context[part.slice('context.'.length) as Attribute];
  return typeof value === 'string' ? value : undefined;
}

/** The uids of a call, or undefined if they are not written in the one way that needs no understanding. */
function readParts(call: CedarCall): PartOf | undefined {
  const parts = new Map<string, string>();
  for (const variable of ['principal', 'action', 'resource'] as const) {
    const found = UID.exec(call[variable]);
    if (found === null) return undefined;
    const [, type = '', id = ''] = found;
    parts.set(variable, entityPart(type, id)).set(`${variable} type`, type);
  }
  return (part) => parts.get(part);
}

// a uid as JSON.stringify writes it, without escapes
const UID = /^\{"type":"([A-Za-z_:][\w:]*)","id":"([^"\\]*)"\}$/;

/** The keys alone count: so none is missing. */
const ATTRIBUTES = Object.keys({
  action: null,
  resource: null,
  principal: null,
  device_id: null,
  channel: null,
  session_id: null,
  run_id: null,
  tool_name: null,
  skill_id: null,
  capabilities: null,
  is_sensitive_action: null,
  is_allowlisted_tool: null,
  is_allowlisted_skill: null,
  is_tool_execute_principal_allowed: null,
  is_tool_execute_channel_allowed: null,
  allow_sensitive_tools: null,
} satisfies Record<Attribute, null>) as readonly Attribute[];

/** The types of the gate's entities, and the text that each is made of. */
const ENTITIES = [
  ['Principal', 'principal'],
  ['Action', 'action'],
  ['Resource', 'resource'],
  ['Tool', 'tool_name'],
  ['Skill', 'skill_id'],
  ['Channel', 'channel'],
] as const;
const ALWAYS: readonly string[] = ['Principal', 'Action', 'Resource'];

const GATE: Certain = { flat: true, attributes: new Set(ATTRIBUTES) };
const ANYONE: Certain = { flat: false, attributes: new Set() };
const FULL: View = viewFrom(EVERYTHING);

const NARROW: ReadonlySet<Attribute> = new Set<Attribute>([
  'action',
  'is_sensitive_action',
  'is_allowlisted_tool',
  'is_allowlisted_skill',
  'is_tool_execute_principal_allowed',
  'is_tool_execute_channel_allowed',
  'allow_sensitive_tools',
]);

// a single check asks a few times and ends: reading what is observed pays from about here
const FEW = 16;
// Cedar copies all policies at each call, 4 µs each; preparing one takes 70 µs, its JSON form 200 µs
const SMALL = 256;
// each slot costs Cedar 49 KiB for ever
const SLOTS = 128;
const SIGNATURES = 16_384;
const SLICES = 2048;
const ANSWERS = 32_768;
const KEY_LENGTH = 1024;
const READ_LENGTH = 8192;
