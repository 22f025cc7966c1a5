import { PalyraError } from '../errors.ts';
import { rfc3339 } from '../time.ts';
import type { FeatureFlag, Registry } from './registry.ts';

/** Whether a feature is on; one that the registry does not name is off. */
export function isOn({ feature_flags }: Pick<Registry, 'feature_flags'>, key: string): boolean {
  return feature_flags.some((flag) => flag.key === key && flag.enabled);
}

/**
 * Refuse what a feature gates while it is off.
 * @throws PalyraError access.flag_off
 */
export function requireFlag(registry: Registry, key: string): void {
  if (isOn(registry, key)) return;
  const flag = registry.feature_flags.find((each) => each.key === key);
  const name = flag?.label ?? key;
  throw new PalyraError('access.flag_off', `${name} ${name.endsWith('s') ? 'are' : 'is'} switched off (flag ${key})`, {
    why: offSince(registry, key, flag),
    hint: `palyra flags enable ${key}${needsOthers(registry, flag) ? ' --with-deps' : ''}`,
  });
}

function offSince({ telemetry }: Registry, key: string, flag: FeatureFlag | undefined): string {
  if (flag === undefined) return 'the registry has no such flag';
  const { updated_at_unix_ms: since, updated_by_principal: by } = flag;
  if (since === 0) return `flag ${key} is off unless somebody enables it`;
  // one change may turn several flags, and is told once
  const told = telemetry.findLast(({ category, recorded_at_unix_ms: at }) => category === 'rollout' && at === since);
  return `flag ${key} is off since ${rfc3339(since).slice(0, 10)} (${by}${told?.detail ? `, "${told.detail}"` : ''})`;
}

function needsOthers(registry: Registry, flag: FeatureFlag | undefined): boolean {
  return flag?.depends_on.some((key) => !isOn(registry, key)) ?? false;
}
