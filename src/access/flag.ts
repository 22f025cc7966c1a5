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
  throw new PalyraError('access.flag_off', `${flag?.label ?? key} is switched off (flag ${key})`, {
    why: offSince(flag),
    hint: `palyra flags enable ${key}${needsOthers(registry, flag) ? ' --with-deps' : ''}`,
  });
}

function offSince(flag: FeatureFlag | undefined): string {
  if (flag === undefined) return 'the registry has no such flag';
  if (flag.updated_at_unix_ms === 0) return 'it is off unless somebody enables it';
  return `off since ${rfc3339(flag.updated_at_unix_ms)} (${flag.updated_by_principal})`;
}

function needsOthers(registry: Registry, flag: FeatureFlag | undefined): boolean {
  return flag?.depends_on.some((key) => !isOn(registry, key)) ?? false;
}
