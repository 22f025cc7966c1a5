import type {
  DetailedError,
  PolicyJson,
  PolicySet,
  SchemaJson,
  TemplateLink,
  ValidationError,
} from '@cedar-policy/cedar-wasm/nodejs';

export type { DetailedError, PolicyJson, PolicySet, SchemaJson, TemplateLink, ValidationError };

/** A piece of JSON, passed on to Cedar byte for byte (integers beyond 2^53 survive). */
export type JsonText = string;

/** One evaluation, each part as JSON text; entity uids as `{"type","id"}`. */
export interface CedarCall {
  readonly principal: JsonText;
  readonly action: JsonText;
  readonly resource: JsonText;
  readonly context: JsonText;
  readonly entities: JsonText;
  /** a schema slot: entities and context are read by it; × 1.8 slower */
  readonly schema?: string;
  /** refuse a request that the schema does not allow (needs `schema`) */
  readonly validateRequest?: boolean;
}

/**
 * What Cedar says. A failure (the request does not parse, the engine trapped) is no decision: the gate denies.
 * `reason` and `errors` are sorted by policy id: Cedar gives them in random order.
 */
export type CedarAnswer =
  | {
      readonly kind: 'answer';
      readonly decision: 'allow' | 'deny';
      readonly reason: readonly string[];
      readonly errors: readonly { readonly policyId: string; readonly message: string }[];
    }
  | { readonly kind: 'failure'; readonly messages: readonly string[] };

/**
 * A parse: nothing is wrong, or everything that is, in the order of the text. `sourceLocations` are UTF-8 byte offsets into the text given, without
 * its BOM (diagnostic.ts turns them into line and column).
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly DetailedError[] };

/** The code of the error when the engine ran out of stack or memory: what it was given is nested too deep. */
export const STOPPED = 'palyra.stopped';

/**
 * What the rules need of Cedar; adapters/cedar is the one implementation. Synchronous: the engine is WebAssembly.
 * No call throws for bad input, and none leaves the engine unable to answer the next one.
 */
export interface Cedar {
  /** Parse a policy set and keep it under a slot name. Re-use slot names: each new one costs memory for ever. */
  prepare(slot: string, policies: PolicySet): Parsed<undefined>;
  prepareSchema(slot: string, schema: string | SchemaJson<string>): Parsed<undefined>;
  /** Evaluate against the policies of a slot. An unknown slot is a bug and throws. */
  decide(slot: string, call: CedarCall): CedarAnswer;
  /** Check that a policy set text parses, without keeping it. */
  check(policies: PolicySet): Parsed<undefined>;
  /** The texts of a policy set, in the order of Cedar's ids as strings: policy10 comes before policy2. */
  parts(text: string): Parsed<{ readonly policies: readonly string[]; readonly templates: readonly string[] }>;
  policyJson(text: string): Parsed<PolicyJson>;
  templateJson(text: string): Parsed<PolicyJson>;
  policyText(json: PolicyJson): Parsed<string>;
  format(text: string, lineWidth: number): Parsed<string>;
  /** Strict validation: errors and warnings by policy id; `ok: false` when policies or schema do not parse. */
  validate(
    policies: PolicySet,
    schema: string | SchemaJson<string>,
  ): Parsed<{ readonly errors: readonly ValidationError[]; readonly warnings: readonly ValidationError[] }>;
  /** The schema in Cedar's JSON form. */
  schemaJson(schema: string): Parsed<SchemaJson<string>>;
}
