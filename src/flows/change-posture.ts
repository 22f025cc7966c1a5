import { requirePermission } from '../access/permission.ts';
import { ulid } from '../ids.ts';
import { applyChanges, changeRecord, type PostureChange, type PostureWish, planChanges } from '../posture/change.ts';
import { type Acted, act, type Desk } from './act.ts';

/**
 * Set or clear postures together; what is so already is no change.
 * @throws PalyraError access.forbidden, store.*
 */
export async function changePosture(
  desk: Desk,
  wishes: readonly PostureWish[],
): Promise<Acted<readonly PostureChange[]>> {
  const { clock, random, reason } = desk;
  // drawn before, so that the work can run twice
  const ids = wishes.map(() => ulid(clock(), random(10)));
  return await act(desk, ['posture'], ({ posture }, { acting, registry, now }) => {
    requirePermission(registry, acting, 'trust.operate');
    const changes = planChanges(posture, wishes, now);
    if (changes.length === 0) return { answer: changes };
    const given = reason === undefined ? {} : { reason };
    const author = { principal: acting.principal, now, eventIds: ids, ...given };
    return {
      answer: changes,
      documents: { posture: applyChanges(posture, changes, author) },
      entries: [
        {
          timeUnixMs: now,
          actor: acting.actor,
          kind: 'posture.change',
          payload: { changes: changes.map(changeRecord), ...given },
        },
      ],
    };
  });
}
