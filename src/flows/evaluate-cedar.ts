import { PalyraError } from '../errors.ts';
import { parseJson, rawMembers } from '../json.ts';
import { CHECK_SCHEMA } from '../policy/answer.ts';
import { openSchema, SCHEMA_SLOT } from '../policy/cedar-schema.ts';
import type { Cedar, JsonText, TemplateLink } from '../policy/engine.ts';
import { openEvaluator, type PolicyEvaluator } from '../policy/evaluator.ts';
import { namePolicies, readPolicies } from '../policy/source.ts';
import type { Files } from '../store/files.ts';

/** Any policies, asked any Cedar request: here palyra is a Cedar tool, not the gate, and answers as Cedar does. */
export interface CedarDesk {
  readonly evaluator: PolicyEvaluator;
  readonly entities: JsonText;
  readonly schema: string | undefined;
  readonly validateRequest: boolean;
  /** `policy0` … → `@id`, for those that have one */
  readonly names: ReadonlyMap<string, string>;
}

/** The files that a Cedar request is evaluated with. */
export interface CedarPlaces {
  readonly policies: readonly string[];
  readonly schema: string | undefined;
  readonly entities: string | undefined;
  readonly links: string | undefined;
  readonly validateRequest: boolean;
}

const POLICIES = { bytes: 64 * 1024 * 1024, what: 'policy file' };
const DOCUMENT = { bytes: 64 * 1024 * 1024, what: 'file' };

/**
 * Read policies, schema, entities and template links.
 * @throws PalyraError input.invalid, store.not_found
 */
export function openCedarDesk(
  { files, cedar }: { readonly files: Files; readonly cedar: Cedar },
  places: CedarPlaces,
): CedarDesk {
  const paths = places.policies.flatMap((path) =>
    path === '-' ? [path] : files.listFiles(path, '.cedar', POLICIES.what),
  );
  const sources = paths.flatMap((path) => readPolicies(cedar, files.readText(path, POLICIES), path));
  // two with one @id are an error here, too; Cedar itself knows them by their places
  const names = new Map(namePolicies(sources).flatMap(({ annotations }, place) => nameOf(annotations, place)));
  const links = places.links === undefined ? [] : readLinks(files.readText(places.links, DOCUMENT), places.links);
  const placed = sources.map((source, place) => ({ ...source, id: `policy${place}` }));
  const templateIds = new Map(placed.map(({ id, annotations }) => [annotations.get('id') ?? id, id]));
  if (places.schema !== undefined) openSchema(cedar, files.readText(places.schema, DOCUMENT), places.schema);
  const linked = links.map((link) => ({ ...link, templateId: templateIds.get(link.templateId) ?? link.templateId }));
  return {
    evaluator: openEvaluator(cedar, 'cedar', placed, linked),
    entities:
      places.entities === undefined ? '[]' : readEntities(files.readText(places.entities, DOCUMENT), places.entities),
    schema: places.schema === undefined ? undefined : SCHEMA_SLOT,
    validateRequest: places.validateRequest,
    names,
  };
}

/** Cedar's answer, with its own policy ids under `diagnostics` and the operator's names beside. */
export interface CedarVerdict {
  readonly decision: 'allow' | 'deny';
  readonly matched: readonly string[];
  readonly errors: readonly { readonly policy_id: string; readonly message: string }[];
  /** all of it, as programs read it */
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Evaluate one request: `{"principal":{"type","id"},"action":…,"resource":…,"context"?,"entities"?}`, each part passed
 * on byte for byte.
 * @throws PalyraError input.invalid when Cedar does not accept the request
 */
export function evaluateCedar(
  { evaluator, entities, schema, validateRequest, names }: CedarDesk,
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
  const matched = answer.reason.map((policy) => names.get(policy) ?? policy);
  const errors = answer.errors.map(({ policyId, message }) => ({
    policy_id: names.get(policyId) ?? policyId,
    message,
  }));
  const diagnostics = {
    reason: answer.reason,
    errors: answer.errors.map(({ policyId, message }) => ({ policy_id: policyId, message })),
  };
  const value = {
    schema: CHECK_SCHEMA,
    ...(id === undefined ? {} : { id: JSON.parse(id) }),
    decision: answer.decision,
    matched_policies: matched,
    errors,
    diagnostics,
  };
  return { decision: answer.decision, matched, errors, value };
}

function nameOf(annotations: ReadonlyMap<string, string>, place: number): [string, string][] {
  const id = annotations.get('id');
  return id === undefined || id === '' ? [] : [[`policy${place}`, id]];
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
    id: members.get('id'),
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
