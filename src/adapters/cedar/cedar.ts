import type { Cedar, CedarAnswer, CedarCall, DetailedError, JsonText, Parsed } from '../../policy/engine.ts';
import { compareText } from '../../text.ts';
import type { Answers, Engine } from './engine.ts';
import { findFlaw, findRefusal } from './limits.ts';
import { openPackageEngine } from './package-engine.ts';

type Failed = { readonly type: 'failure'; readonly errors: readonly DetailedError[] };
type Preparation = 'preparsePolicySet' | 'preparseSchema';

/** What was prepared under a name, kept as text so that the next instance can be given it too. */
interface Slot {
  readonly json: JsonText;
  /** the instance that knows it */
  engine: Engine | undefined;
}

// serde_json reads 128 levels; policies as JSON are trees of expressions
const POLICY_LIMITS = { depth: 100, members: Number.POSITIVE_INFINITY };

/**
 * Cedar, in WebAssembly. An instance that throws is dropped, and the call that broke it answers with a failure; the
 * next call gets a fresh instance, which is given the slots again as they are asked for.
 */
export function openCedar(): Cedar {
  let current: Engine | undefined;
  const slots = { preparsePolicySet: new Map<string, Slot>(), preparseSchema: new Map<string, Slot>() };

  return {
    prepare: (slot, policies) => prepare('preparsePolicySet', slot, policies),
    prepareSchema: (slot, schema) => prepare('preparseSchema', slot, schema),
    decide(slot, call) {
      const refusal = findRefusal(call);
      if (refusal !== undefined) return { kind: 'failure', messages: [refusal] };
      const failed = restore('preparsePolicySet', slot) ?? restore('preparseSchema', call.schema);
      return readAnswer(failed ?? ask('statefulIsAuthorized', [], writeCall(slot, call)));
    },
    check: (policies) => parsed(askAbout('checkParsePolicySet', policies), () => undefined),
    parts(text) {
      const flaw = findFlaw(text, POLICY_LIMITS);
      const answer = flaw === undefined ? ask('policySetTextToParts', [text]) : failure(`the text ${flaw}`);
      return parsed(answer, ({ policies, policy_templates: templates }) => ({ policies, templates }));
    },
    policyJson: (text) => parsed(askAbout('policyToJson', text), (answer) => answer.json),
    templateJson: (text) => parsed(askAbout('templateToJson', text), (answer) => answer.json),
    policyText: (json) => parsed(askAbout('policyToText', json), (answer) => answer.text),
    format: (policyText, lineWidth) =>
      parsed(askAbout('formatPolicies', { policyText, lineWidth }), (answer) => answer.formatted_policy),
    validate: (policies, schema) =>
      parsed(askAbout('validate', { policies, schema }), (answer) => ({
        errors: answer.validationErrors,
        warnings: answer.validationWarnings,
      })),
    schemaJson: (schema) => parsed(askAbout('schemaToJson', schema), (answer) => answer.json),
  };

  function prepare(preparation: Preparation, name: string, value: unknown): Parsed<undefined> {
    const flaw = findFlaw(value, POLICY_LIMITS);
    if (flaw !== undefined) return parsed(failure(`${name} ${flaw}`), () => undefined);
    const json = JSON.stringify(value);
    const answer = ask(preparation, [name], json);
    // Cedar keeps what was in the slot when it refuses the new text, and so do we
    if (answer.type === 'success') slots[preparation].set(name, { json, engine: current });
    return parsed(answer, () => undefined);
  }

  /** Make sure that the present instance knows a slot. Cedar took the text once, so only a broken engine refuses it. */
  function restore(preparation: Preparation, name: string | undefined): Failed | undefined {
    if (name === undefined) return undefined;
    const slot = slots[preparation].get(name);
    if (slot === undefined) throw new Error(`nothing was prepared as ${name}`);
    if (slot.engine !== undefined && slot.engine === current) return undefined;
    const answer = ask(preparation, [name], slot.json);
    if (answer.type === 'failure') return answer;
    slot.engine = current;
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
    current ??= openPackageEngine();
    try {
      return current.call(name, texts, json);
    } catch (error) {
      current = undefined;
      return failure(`Cedar stopped: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
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
  if (answer.type === 'failure') return { ok: false, errors: (answer as Failed).errors };
  return { ok: true, value: take(answer as Extract<A, { readonly type: 'success' }>) };
}

function failure(message: string): Failed {
  return { type: 'failure', errors: [{ message, help: null, code: null, url: null, severity: null }] };
}
