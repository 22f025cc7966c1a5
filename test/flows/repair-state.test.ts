import { expect, test } from 'vitest';
import type { Registry } from '../../src/access/registry.ts';
import { PalyraError } from '../../src/errors.ts';
import type { Desk } from '../../src/flows/act.ts';
import { repairState } from '../../src/flows/repair-state.ts';
import { memoryStore } from '../../src/store/memory-store.ts';
import { type State, stateShapes } from '../../src/store/state.ts';
import type { Store } from '../../src/store/store.ts';
import { NOW, registryWith } from '../access/samples.ts';
import { draft } from '../store/samples.ts';

const WHOLE = registryWith({ 'user:ann': 'owner' }, ['rbac', 'team_mode']);
const SPOILT: Registry = {
  ...WHOLE,
  feature_flags: WHOLE.feature_flags.filter(({ key }) => key !== 'compat_api'),
};

async function storeWith(registry: Registry): Promise<Store<State>> {
  const store = memoryStore<State>(stateShapes);
  await store.transact(['registry'], () => ({ answer: null, documents: { registry }, entries: [draft('seed')] }));
  return store;
}

function deskOf(store: Store<State>, login: string): Desk {
  const by = { login, uid: 1000, pid: 7, host: 'here' };
  return { store, clock: () => NOW, random: (bytes) => new Uint8Array(bytes), by, dryRun: false };
}

const state = { tighten: () => [] };

test('a repair gives back what is missing, and is written down', async () => {
  const store = await storeWith(SPOILT);
  expect(await repairState(deskOf(store, 'ann'), { state })).toBeUndefined();
  const { registry } = await store.read('registry');
  expect(registry.feature_flags.map(({ key, enabled }) => (key === 'compat_api' ? enabled : null))).toContain(false);
  const head = await store.journal.boundHead();
  await repairState(deskOf(store, 'ann'), { state });
  expect(await store.journal.boundHead()).toEqual(head);
});

test('with rbac on only whoever is trusted repairs, and nothing is repaired for anybody else', async () => {
  const store = await storeWith(SPOILT);
  await expect(repairState(deskOf(store, 'eve'), { state })).rejects.toMatchObject({ code: 'access.forbidden' });
  expect((await store.read('registry')).registry).toEqual(SPOILT);
});

test('what is damaged ends the repair as a finding; what is busy is no finding', async () => {
  const failing = (code: 'store.unsafe' | 'store.busy') => {
    const store = memoryStore<State>(stateShapes);
    return { ...store, transact: () => Promise.reject(new PalyraError(code, 'the state is in the way')) };
  };
  expect(await repairState(deskOf(failing('store.unsafe'), 'ann'), { state })).toMatchObject({
    ...{ code: 'state.damaged', what: 'the state is in the way', why: 'so nothing more was repaired' },
  });
  await expect(repairState(deskOf(failing('store.busy'), 'ann'), { state })).rejects.toMatchObject({
    code: 'store.busy',
  });
});
