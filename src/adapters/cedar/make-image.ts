import { crc32 } from 'node:zlib';
import type { Cedar, JsonText, PolicySet } from '../../policy/engine.ts';
import { wholeSet } from '../../policy/evaluator.ts';
import { findNearMisses } from '../../policy/explanation.ts';
import { namePolicies, splitPolicies } from '../../policy/source.ts';
import { openCedar } from './cedar.ts';
import type { Engine } from './engine.ts';
import { isTranslation, type Translation, takeImage, writeImage } from './image.ts';
import { isKnown, readWasm, startWasm } from './wasm-engine.ts';

/**
 * What a check without policies of one's own asks of Cedar, whatever its request: the baseline under the slot of
 * flows/open-policies, and its conditions one by one, as a denial is explained.
 * @throws Error when a policy does not parse
 */
export function rehearseCheck(baseline: string): (cedar: Cedar) => void {
  return (cedar) => {
    const policies = namePolicies(splitPolicies(baseline, 'policies/baseline.cedar'));
    rehearse('policies', wholeSet(policies))(cedar);
    findNearMisses({ cedar, cedarCall: WARM_UP, candidates: policies });
  };
}

/** Preparing a policy set under a slot, and deciding on it. */
export function rehearse(slot: string, set: PolicySet): (cedar: Cedar) => void {
  return (cedar) => {
    const prepared = cedar.prepare(slot, set);
    if (!prepared.ok) throw new Error(`${slot}: ${prepared.errors.map((error) => error.message).join('; ')}`);
    cedar.decide(slot, WARM_UP);
  };
}

/**
 * What the build puts beside the bundle as `cedar.image`: an instance that has been through a rehearsal, and what it
 * answered there. A later `prepare` of the same set under the same slot costs nothing, nor does reading or writing the
 * same policy.
 * @throws Error when the installed wasm is not the known one: the build must fail
 */
export function makeImage(rehearsal: (cedar: Cedar) => void): Uint8Array {
  const wasm = readWasm();
  if (!isKnown(wasm)) throw new Error('the installed Cedar is not the one that src/adapters/cedar was written for');
  const module = new WebAssembly.Module(wasm);
  const warm = startWasm(module);
  const prepared: Record<string, JsonText> = {};
  const translated: Record<string, Translation> = {};
  const recording: Engine = {
    ...warm,
    call(name, texts, json = '') {
      const answer = warm.call(name, texts, json);
      if (name === 'preparsePolicySet' && answer.type === 'success') prepared[texts[0] ?? ''] = json;
      if (isTranslation(name)) translated[`${name} ${json}`] = answer as Translation;
      return answer;
    },
  };
  rehearsal(openCedar({ start: () => recording }));
  const words = { wasm: { length: wasm.length, crc32: crc32(wasm) }, prepared, translated };
  return writeImage(takeImage(warm.state, startWasm(module).state, words));
}

const WARM_UP = {
  principal: '{"type":"Principal","id":""}',
  action: '{"type":"Action","id":""}',
  resource: '{"type":"Resource","id":""}',
  context: '{"text":"","number":0,"truth":true,"set":[""]}',
  entities: '[]',
};
