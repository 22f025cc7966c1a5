import { PalyraError } from '../../errors.ts';
import { parseJson, rawMembers } from '../../json.ts';
import { CHECK_SCHEMA } from '../../policy/answer.ts';
import { openSchema, SCHEMA_SLOT } from '../../policy/cedar-schema.ts';
import type { Cedar, JsonText, TemplateLink } from '../../policy/engine.ts';
import { openEvaluator, type PolicyEvaluator, wholeSet } from '../../policy/evaluator.ts';
import { type NamedPolicy, namePolicies, type PolicySource, readPolicies } from '../../policy/source.ts';
import type { Files } from '../../store/files.ts';
import { nearest } from '../../text.ts';
import { readId } from './check-batch.ts';
import { listPolicyFiles, POLICY_FILE } from './policy-files.ts';

/** Any policies, asked any Cedar request: here palyra is a Cedar tool, not the gate, and answers as Cedar does. */
export interface CedarDesk {
  readonly evaluator: PolicyEvaluator;
  readonly entities: JsonText;
  readonly schema: string | undefined;
  readonly validateRequest: boolean;
  /** by what Cedar calls them: `policy0` …, or the name of a link, which is where its template is */
  readonly places: ReadonlyMap<string, PolicySource>;
  /** files without a policy */
  readonly empty: readonly string[];
}

/** The files that a Cedar request is evaluated with. */
export interface CedarPlaces {
  readonly policies: readonly string[];
  readonly schema: string | undefined;
  readonly entities: string | undefined;
  readonly links: string | undefined;
  readonly validateRequest: boolean;
}

const DOCUMENT = { bytes: 64 * 1024 * 1024, what: 'file' };

/**
 * Read policies, schema, entities and template links.
 * @throws PalyraError input.invalid, store.not_found
 */
export function openCedarDesk(
  { files, cedar }: { readonly files: Files; readonly cedar: Cedar },
  places: CedarPlaces,
): CedarDesk {
  const found = listPolicyFiles(files, places.policies);
  const sources = found.flatMap(({ path, shown }) => readPolicies(cedar, files.readText(path, POLICY_FILE), shown));
  // two with one @id are an error here, too; Cedar itself knows them by their places
  namePolicies(sources);
  const placed = sources.map((source, place) => ({ ...source, id: `policy${place}` }));
  if (places.schema !== undefined) openSchema(cedar, files.readText(places.schema, DOCUMENT), places.schema);
  const schema = places.schema === undefined ? undefined : SCHEMA_SLOT;
  const links = places.links === undefined ? [] : readLinks(files.readText(places.links, DOCUMENT), places.links);
  const linked = links.map((link) => resolveLink(link, placed, places.links ?? ''));
  if (places.links !== undefined) refuseLinks(cedar, placed, linked, places.links);
  const entities =
    places.entities === undefined ? '[]' : readEntities(files.readText(places.entities, DOCUMENT), places.entities);
  if (places.entities !== undefined) refuseEntities(cedar, entities, schema, places.entities);
  const sourceOf = new Map<string, PolicySource>(placed.map((policy) => [policy.id, policy]));
  for (const { newId, templateId } of linked) {
    const template = sourceOf.get(templateId);
    if (template !== undefined) sourceOf.set(newId, { ...template, annotations: new Map() });
  }
  return {
    evaluator: openEvaluator(cedar, 'cedar', placed, linked),
    entities,
    schema,
    validateRequest: places.validateRequest,
    places: sourceOf,
    empty: found.map(({ shown }) => shown).filter((shown) => !sources.some(({ file }) => file === shown)),
  };
}

/** A link whose template is called as Cedar calls it: by its place. */
function resolveLink(link: TemplateLink, policies: readonly NamedPolicy[], file: string): TemplateLink {
  const templates = policies.filter(({ isTemplate }) => isTemplate);
  const named = templates.map(({ id, annotations }) => annotations.get('id') || id);
  const template = templates[named.indexOf(link.templateId)];
  if (template !== undefined) return { ...link, templateId: template.id };
  const [near] = nearest(link.templateId, named);
  throw new PalyraError('input.invalid', `${file}: no template is called ${link.templateId.slice(0, 80)}`, {
    hint: near === undefined ? `the templates are ${named.slice(0, 5).join(', ') || 'none'}` : `did you mean ${near}?`,
  });
}

/** Before the first request, which it would be laid to. */
function refuseLinks(
  cedar: Cedar,
  policies: readonly NamedPolicy[],
  links: readonly TemplateLink[],
  file: string,
): void {
  const taken = new Set(policies.flatMap(({ id, annotations }) => [id, annotations.get('id') ?? id]));
  for (const { newId } of links) {
    if (taken.has(newId)) {
      throw new PalyraError('input.invalid', `${file}: two policies are called ${newId.slice(0, 80)}`, {
        hint: 'give the link another newId',
      });
    }
    taken.add(newId);
  }
  const prepared = cedar.prepare(
    TRIAL,
    wholeSet(
      policies.filter(({ isTemplate }) => isTemplate),
      links,
    ),
  );
  if (!prepared.ok) throw new PalyraError('input.invalid', `${file}: ${prepared.errors[0]?.message ?? ''}`);
}

function refuseEntities(cedar: Cedar, entities: JsonText, schema: string | undefined, file: string): void {
  cedar.prepare(TRIAL, { staticPolicies: '' });
  const ask = (text: JsonText): readonly string[] => {
    const answer = cedar.decide(TRIAL, { ...ANYBODY, entities: text, ...(schema === undefined ? {} : { schema }) });
    return answer.kind === 'failure' ? answer.messages : [];
  };
  const [said] = ask(entities);
  // what is said without them, too, is not about them: a schema may not know the action
  if (said !== undefined && !ask('[]').includes(said)) throw new PalyraError('input.invalid', `${file}: ${said}`);
}

const TRIAL = 'trial';
const UID = '{"type":"Trial","id":""}';
const ANYBODY = { principal: UID, action: UID, resource: UID, context: '{}' };

/** A policy's `@id`, else what Cedar calls it, and its file and line. */
export interface Placed {
  readonly policy: string;
  readonly place: string;
}

/** Cedar's answer, with its own policy ids under `diagnostics` and the operator's names beside. */
export interface CedarVerdict {
  readonly decision: 'allow' | 'deny';
  readonly matched: readonly Placed[];
  readonly failed: readonly (Placed & { readonly message: string })[];
  /** all of it, as programs read it */
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Evaluate one request: `{"principal":{"type","id"},"action":…,"resource":…,"context"?,"entities"?}`, each part passed
 * on byte for byte.
 * @throws PalyraError input.invalid when Cedar does not accept the request
 */
export function evaluateCedar(
  { evaluator, entities, schema, validateRequest, places }: CedarDesk,
  text: string,
  name: string,
): CedarVerdict {
  const { id, ...parts } = readParts(text, name);
  const answer = evaluator.evaluateCall({
    ...parts,
    entities: parts.entities ?? entities,
    ...(schema === undefined ? {} : { schema, validateRequest }),
  });
  if (answer.kind === 'failure') {
    const [said = '', ...more] = answer.messages;
    throw new PalyraError(
      'input.invalid',
      `Cedar does not accept ${name}: ${said}`,
      more.length === 0 ? {} : { why: more.join('\n') },
    );
  }
  const nameOf = (policy: string): string => places.get(policy)?.annotations.get('id') || policy;
  const placeOf = (policy: string): string => {
    const source = places.get(policy);
    return source === undefined ? '' : `${source.file}:${source.line}`;
  };
  const matched = answer.reason.map((policy) => ({ policy: nameOf(policy), place: placeOf(policy) }));
  const failed = answer.errors.map(({ policyId, message }) => ({
    policy: nameOf(policyId),
    place: placeOf(policyId),
    message,
  }));
  const diagnostics = {
    reason: answer.reason,
    errors: answer.errors.map(({ policyId, message }) => ({ policy_id: policyId, message })),
  };
  const value = {
    schema: CHECK_SCHEMA,
    ...(id === undefined ? {} : { id }),
    decision: answer.decision,
    matched_policies: matched.map(({ policy }) => policy),
    errors: failed.map(({ policy, message }) => ({ policy_id: policy, message })),
    diagnostics,
  };
  return { decision: answer.decision, matched, failed, value };
}

function readParts(text: string, name: string) {
  const members = rawMembers(text, { name, depth: 100 });
  const unknown = [...members.keys()].find((key) => !PARTS.includes(key));
  if (unknown !== undefined) {
    throw new PalyraError('input.invalid', `unknown key in ${name}: ${unknown.slice(0, 60)}`, {
      why: `known keys: ${PARTS.join(', ')}`,
    });
  }
  const required = (key: string): JsonText => {
    const part = members.get(key);
    if (part === undefined)
      throw new PalyraError('input.invalid', `${key} is missing in ${name}`, {
        hint: `"${key}": {"type": "…", "id": "…"}`,
      });
    return part;
  };
  return {
    id: readId(JSON.parse(members.get('id') ?? 'null') ?? undefined),
    principal: required('principal'),
    action: required('action'),
    resource: required('resource'),
    context: members.get('context') ?? '{}',
    entities: members.get('entities'),
  };
}

function readEntities(text: string, file: string): JsonText {
  if (!Array.isArray(parseJson(text, { name: file, depth: 100 }))) {
    throw new PalyraError('input.invalid', `${file} is not a list of entities`, {
      hint: '[{"uid": {"type", "id"}, "attrs": {}, "parents": []}, …]',
    });
  }
  return text;
}

function readLinks(text: string, file: string): TemplateLink[] {
  const value = parseJson(text, { name: file, depth: 16 });
  if (Array.isArray(value) && value.every(isLink)) return value;
  throw new PalyraError('input.invalid', `${file} is not a list of template links`, {
    hint: '[{"templateId": "…", "newId": "…", "values": {"?principal": {"type": "…", "id": "…"}}}, …]',
  });
}

function isLink(value: unknown): value is TemplateLink {
  if (typeof value !== 'object' || value === null) return false;
  const { templateId, newId, values } = value as Record<string, unknown>;
  return typeof templateId === 'string' && typeof newId === 'string' && typeof values === 'object' && values !== null;
}

const PARTS: readonly string[] = ['id', 'principal', 'action', 'resource', 'context', 'entities'];
