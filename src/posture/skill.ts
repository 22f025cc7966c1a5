import type { Settings } from '../config/settings.ts';
import type { NormalizedRequest } from '../policy/request.ts';

/** Why a skill is not run before policy is asked: only one with the status `active` is. Undefined: it is, or no skill runs. */
export function refuseSkill(
  { tool, action, skill }: Pick<NormalizedRequest, 'tool' | 'action' | 'skill'>,
  { skills }: Pick<Settings, 'skills'>,
): { readonly code: string; readonly words: string } | undefined {
  if (tool !== 'palyra.plugin.run' && action !== 'skill.execute') return undefined;
  if (skill === '') return { code: 'skill.not_named', words: 'a plugin runs a skill, and none is named' };
  const status = Object.hasOwn(skills, skill) ? skills[skill] : undefined;
  if (status === 'active') return undefined;
  const words = status === undefined ? 'has no status in [skills]' : `is ${status} in [skills]`;
  return { code: `skill.${status ?? 'unknown'}`, words: `${skill} ${words}` };
}
