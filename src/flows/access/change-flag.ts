import { changeFlag as change, type FlagImpact, type FlagRequest } from '../../access/flag-change.ts';
import type { FeatureFlag } from '../../access/registry.ts';
import { PalyraError } from '../../errors.ts';
import type { Desk } from '../act.ts';
import { type Changed, changeRegistry } from './change-registry.ts';

export interface FlagChanged {
  readonly flag: FeatureFlag;
  readonly impact: FlagImpact;
}

/**
 * Turn a feature on or off, after `agreed` has seen all that it touches. If that is no longer so by then, nothing changes.
 * @param agreed not asked when nothing would change
 * @throws PalyraError approval.declined, store.conflict, and as changeFlag of access/flag-change.ts and changeRegistry do
 */
export async function changeFlag(
  desk: Desk,
  request: FlagRequest,
  agreed: (seen: FlagChanged) => Promise<boolean>,
): Promise<Changed<FlagChanged>> {
  const seen = await turn({ ...desk, dryRun: true });
  if (!seen.wouldChange) return seen;
  if (!(await agreed(seen.answer))) throw new PalyraError('approval.declined', 'nothing was changed');
  return desk.dryRun ? seen : await turn(desk, seen.answer.impact);

  async function turn(by: Desk, expected?: FlagImpact): Promise<Changed<FlagChanged>> {
    return await changeRegistry(by, (registry, acting, now) => {
      const { registry: next, flag, impact } = change(registry, acting, request, now);
      if (expected !== undefined && JSON.stringify(impact) !== JSON.stringify(expected)) throw changedMeanwhile();
      if (next === undefined) return { answer: { flag, impact } };
      return {
        answer: { flag, impact },
        registry: next,
        kind: request.enabled ? 'flag.enable' : 'flag.disable',
        payload: { key: flag.key, flags: impact.flags },
        event: {
          feature_key: flag.key,
          category: 'rollout',
          ...(desk.reason === undefined ? {} : { detail: desk.reason }),
        },
      };
    });
  }
}

function changedMeanwhile(): PalyraError {
  return new PalyraError(
    'store.conflict',
    'flags or tokens were changed meanwhile, so this would touch something else',
    {
      hint: 'look again: palyra flags list',
    },
  );
}
