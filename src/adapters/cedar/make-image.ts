import { crc32 } from 'node:zlib';
import type { PolicySet } from '../../policy/engine.ts';
import { wholeSet } from '../../policy/evaluator.ts';
import { namePolicies, splitPolicies } from '../../policy/source.ts';
import { openCedar } from './cedar.ts';
import { takeImage, writeImage } from './image.ts';
import { isKnown, readWasm, startWasm } from './wasm-engine.ts';

/** The slot and the policies that a check without policies of one's own uses, as flows/open-policies prepares them. */
export function baselineSets(baseline: string): Record<string, PolicySet> {
  return { policies: wholeSet(namePolicies(splitPolicies(baseline, 'policies/baseline.cedar'))) };
}

/**
 * What the build puts beside the bundle as `cedar.image`: an instance that has parsed these policy sets and has decided
 * on each. A later `prepare` of the same set under the same slot costs nothing.
 * @param sets by slot
 * @throws Error when the installed wasm is not the known one, or a set does not parse: the build must fail
 */
export function makeImage(sets: Readonly<Record<string, PolicySet>>): Uint8Array {
  const wasm = readWasm();
  if (!isKnown(wasm)) throw new Error('the installed Cedar is not the one that src/adapters/cedar was written for');
  const module = new WebAssembly.Module(wasm);
  const warm = startWasm(module);
  const cedar = openCedar({ start: () => warm });
  for (const [slot, set] of Object.entries(sets)) {
    const prepared = cedar.prepare(slot, set);
    if (!prepared.ok) throw new Error(`${slot}: ${prepared.errors.map((error) => error.message).join('; ')}`);
    cedar.decide(slot, WARM_UP);
  }
  const prepared = Object.fromEntries(Object.entries(sets).map(([slot, set]) => [slot, JSON.stringify(set)]));
  const words = { wasm: { length: wasm.length, crc32: crc32(wasm) }, prepared };
  return writeImage(takeImage(warm.state, startWasm(module).state, words));
}

const WARM_UP = {
  principal: '{"type":"Principal","id":""}',
  action: '{"type":"Action","id":""}',
  resource: '{"type":"Resource","id":""}',
  context: '{"text":"","number":0,"truth":true,"set":[""]}',
  entities: '[]',
};
