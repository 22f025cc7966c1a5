import { readFileSync } from 'node:fs';
import { systemCode } from '../../errors.ts';
import { withoutBom } from '../../policy/diagnostic.ts';
import type {
  Cedar,
  CedarAnswer,
  CedarCall,
  DetailedError,
  JsonText,
  Parsed,
  PolicySet,
  SchemaJson,
} from '../../policy/engine.ts';
import { STOPPED } from '../../policy/engine.ts';
import { compareText } from '../../text.ts';
import type { Answers, Engine } from './engine.ts';
import { type Image, readImage } from './image.ts';
import { findFlaw, findRefusal } from './limits.ts';
import { openPackageEngine } from './package-engine.ts';
import { compileWasm, isImageOf, isKnown, readWasm, startWasm } from './wasm-engine.ts';

type Failed = { readonly type: 'failure'; readonly errors: readonly DetailedError[] };
type Preparation = 'preparsePolicySet' | 'preparseSchema';

interface CedarOptions {
  /** for thousands of decisions: V8 may take its time to optimise */
  readonly throughput?: boolean;
  /** makes an instance, each time one is needed */
  readonly start?: () => Engine;
}

// serde_json reads 128 levels, and policies as JSON are trees of expressions
const POLICY_LIMITS = { depth: 100, members: Number.POSITIVE_INFINITY };

/**
 * Cedar, in WebAssembly. An instance that throws is dropped, and the call that broke it answers with a failure; the
 * next call gets a fresh instance, which is given the slots again as they are asked for.
 */
export function openCedar({ throughput = false, start = findEngine(throughput) }: CedarOptions = {}): Cedar {
  let instance: Instance | undefined;
  const slots: Slots = { preparsePolicySet: new Map(), preparseSchema: new Map() };

  return {
    prepare: (slot, policies) => prepare('preparsePolicySet', slot, readable(policies)),
    prepareSchema: (slot, schema) => prepare('preparseSchema', slot, readableSchema(schema)),
    decide(slot, call) {
      const refusal = findRefusal(call);
      if (refusal !== undefined) return { kind: 'failure', messages: [refusal] };
      const failed = recall('preparsePolicySet', slot) ?? recall('preparseSchema', call.schema);
      return readAnswer(failed ?? ask('statefulIsAuthorized', [], writeCall(slot, call)));
    },
    check: (policies) => parsed(askAbout('checkParsePolicySet', readable(policies)), () => undefined),
    parts(text) {
      const flaw = findFlaw(text, POLICY_LIMITS);
      const answer = flaw === undefined ? ask('policySetTextToParts', [withoutBom(text)]) : failure(`the text ${flaw}`);
      return parsed(answer, ({ policies, policy_templates: templates }) => ({ policies, templates }));
    },
    policyJson: (text) => parsed(askAbout('policyToJson', withoutBom(text)), (answer) => answer.json),
    templateJson: (text) => parsed(askAbout('templateToJson', withoutBom(text)), (answer) => answer.json),
    policyText: (json) => parsed(askAbout('policyToText', json), (answer) => answer.text),
    format: (text, lineWidth) =>
      parsed(
        askAbout('formatPolicies', { policyText: withoutBom(text), lineWidth }),
        (answer) => answer.formatted_policy,
      ),
    validate: (policies, schema) =>
      parsed(
        askAbout('validate', { policies: readable(policies), schema: readableSchema(schema) }),
        ({ validationErrors: errors, validationWarnings: warnings }) => ({ errors, warnings }),
      ),
    schemaJson: (schema) => parsed(askAbout('schemaToJson', withoutBom(schema)), (answer) => answer.json),
  };

  function prepare(preparation: Preparation, slot: string, value: unknown): Parsed<undefined> {
    const flaw = findFlaw(value, POLICY_LIMITS);
    if (flaw !== undefined) return parsed(failure(`${slot} ${flaw}`), () => undefined);
    const json = JSON.stringify(value);
    const failed = teach(preparation, slot, json);
    // a text that is refused changes nothing: not in Cedar, not here
    if (failed === undefined) slots[preparation].set(slot, json);
    return parsed(failed ?? { type: 'success' }, () => undefined);
  }

  function recall(preparation: Preparation, slot: string | undefined): Failed | undefined {
    if (slot === undefined) return undefined;
    const json = slots[preparation].get(slot);
    if (json === undefined) throw new Error(`nothing was prepared as ${slot}`);
    return teach(preparation, slot, json);
  }

  /** Make sure that the present instance has this text in that slot. */
  function teach(preparation: Preparation, slot: string, json: JsonText): Failed | undefined {
    if (present().known[preparation].get(slot) === json) return undefined;
    const answer = ask(preparation, [slot], json);
    if (answer.type === 'failure') return answer;
    present().known[preparation].set(slot, json);
    return undefined;
  }

  function askAbout<Name extends keyof Answers>(name: Name, value: unknown): Answers[Name] | Failed {
    const flaw = findFlaw(value, POLICY_LIMITS);
    return flaw === undefined ? ask(name, [], JSON.stringify(value)) : failure(`the text ${flaw}`);
  }

  function ask<Name extends keyof Answers>(
    name: Name,
    texts: readonly string[],
    json?: JsonText,
  ): Answers[Name] | Failed {
    const { engine } = present();
    try {
      return engine.call(name, texts, json);
    } catch (error) {
      instance = undefined;
      return failure(`Cedar stopped: ${error instanceof Error ? error.message : String(error)}`, STOPPED);
    }
  }

  function present(): Instance {
    instance ??= begin(start());
    return instance;
  }
}

/** An engine, and the texts that it has in its slots. */
interface Instance {
  readonly engine: Engine;
  readonly known: Slots;
}

type Slots = Readonly<Record<Preparation, Map<string, JsonText>>>;

function begin(engine: Engine): Instance {
  return {
    engine,
    known: { preparsePolicySet: new Map(Object.entries(engine.prepared)), preparseSchema: new Map() },
  };
}

/** Our own glue if the installed wasm is the one that it was written for, else the package's loader. */
function findEngine(throughput: boolean): () => Engine {
  const wasm = readWasm();
  const found = findImage();
  const image = found !== undefined && isImageOf(found, wasm) ? found : undefined;
  if (image === undefined && !isKnown(wasm)) return openPackageEngine;
  const module = compileWasm(wasm, throughput);
  return () => startWasm(module, image);
}

/** The image that the build puts beside the bundle; the sources have none. */
function findImage(): Image | undefined {
  try {
    return readImage(readFileSync(new URL('cedar.image', import.meta.url)));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function readable(policies: PolicySet): PolicySet {
  const { staticPolicies } = policies;
  return typeof staticPolicies === 'string' ? { ...policies, staticPolicies: withoutBom(staticPolicies) } : policies;
}

function readableSchema(schema: string | SchemaJson<string>): string | SchemaJson<string> {
  return typeof schema === 'string' ? withoutBom(schema) : schema;
}

function writeCall(slot: string, call: CedarCall): JsonText {
  const schema =
    call.schema === undefined
      ? ''
      : `,"preparsedSchemaName":${JSON.stringify(call.schema)},"validateRequest":${call.validateRequest === true}`;
  return `{"preparsedPolicySetId":${JSON.stringify(slot)}${schema},"principal":${call.principal},"action":${call.action},"resource":${call.resource},"context":${call.context},"entities":${call.entities}}`;
}

function readAnswer(answer: Answers['statefulIsAuthorized'] | Failed): CedarAnswer {
  if (answer.type === 'failure') return { kind: 'failure', messages: answer.errors.map((error) => error.message) };
  const { decision, diagnostics } = answer.response;
  return {
    kind: 'answer',
    decision,
    reason: diagnostics.reason.toSorted(compareText),
    errors: diagnostics.errors
      .map(({ policyId, error }) => ({ policyId, message: error.message }))
      .sort((a, b) => compareText(a.policyId, b.policyId)),
  };
}

function parsed<A extends { readonly type: string }, T>(
  answer: A | Failed,
  take: (answer: Extract<A, { readonly type: 'success' }>) => T,
): Parsed<T> {
  if (answer.type === 'failure') return { ok: false, errors: allOf((answer as Failed).errors) };
  return { ok: true, value: take(answer as Extract<A, { readonly type: 'success' }>) };
}

/** Cedar hangs all errors but one on that one; in the order of the text. */
function allOf(errors: readonly DetailedError[]): readonly DetailedError[] {
  const all = errors.flatMap(({ related, ...error }) => [error, ...allOf(related ?? [])]);
  return all.sort((a, b) => startOf(a) - startOf(b));
}

function startOf({ sourceLocations }: DetailedError): number {
  return sourceLocations?.[0]?.start ?? -1;
}

function failure(message: string, code: string | null = null): Failed {
  return { type: 'failure', errors: [{ message, help: null, code, url: null, severity: null }] };
}
