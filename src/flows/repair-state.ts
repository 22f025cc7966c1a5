import { examineRegistry, repairRegistry } from '../access/health.ts';
import { requirePermission } from '../access/permission.ts';
import { PalyraError } from '../errors.ts';
import { type Finding, findingOf } from '../finding.ts';
import type { StateInspector } from '../store/inspection.ts';
import type { State } from '../store/state.ts';
import { changeRegistry } from './access/change-registry.ts';
import type { Desk } from './act.ts';

/**
 * Repair what is safe: file modes, what a crash left, and of the registry what gives nobody a right and takes none. What
 * is damaged stays as it is.
 * @returns what stopped it
 * @throws PalyraError store.busy, store.write_failed, access.forbidden (with `rbac` on it needs trust.operate)
 */
export async function repairState(
  desk: Desk,
  { state }: { readonly state: Pick<StateInspector<State>, 'tighten'> },
): Promise<Finding | undefined> {
  state.tighten();
  try {
    // opening it for a change finishes or removes what a crash left
    await desk.store.transact([], () => ({ answer: null }));
    await changeRegistry(desk, (registry, acting, now) => {
      const repaired = examineRegistry(registry, now).filter(({ isFixable }) => isFixable);
      if (repaired.length === 0) return { answer: null };
      requirePermission(registry, acting, 'trust.operate');
      return {
        answer: null,
        registry: repairRegistry(registry),
        kind: 'doctor.repair',
        payload: { repaired: repaired.map(({ code, what }) => `${code}: ${what}`) },
        event: { feature_key: 'access_registry', category: 'doctor', detail: `repair ${repaired.length}` },
      };
    });
  } catch (error) {
    if (!(error instanceof PalyraError) || error.code !== 'store.unsafe') throw error;
    return findingOf(error, 'state.damaged', {
      why: 'so nothing more was repaired',
      remedy: 'palyra journal verify   then put back the newest copy',
    });
  }
  return undefined;
}
