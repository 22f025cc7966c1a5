import { expect } from 'vitest';
import { verifyJournal } from '../../src/flows/verify-journal.ts';
import { openStore } from '../adapters/state-root.ts';
import type { Said } from './processes.ts';

/** What must hold however the processes ended: nothing acknowledged is lost, nothing is half there, the journal tells all. */
export async function expectPromisesKept(root: string, said: readonly Said[]): Promise<{ readonly tokens: number }> {
  const store = openStore(root);
  const { registry } = await store.read('registry');
  const labels = registry.api_tokens.map(({ label }) => label);
  const acknowledged = said.flatMap(({ done }) => (done === undefined ? [] : [done]));
  expect(acknowledged.filter((label) => !labels.includes(label))).toEqual([]);
  expect(new Set(labels).size).toBe(labels.length);
  const journaled: unknown[] = [];
  for await (const { text } of store.journal.lines()) {
    const { kind, payload } = JSON.parse(JSON.parse(text).body);
    if (kind === 'token.mint') journaled.push(payload.label);
  }
  expect(labels).toEqual(journaled);
  expect(await verifyJournal(store)).toMatchObject({ fault: null, torn: null });
  return { tokens: labels.length };
}
