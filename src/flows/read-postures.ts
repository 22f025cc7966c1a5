import type { Settings } from '../config/settings.ts';
import { toolNames } from '../policy/catalog.ts';
import { evaluationConfigOf } from '../policy/facts.ts';
import { type Caller, type Posture, toolPosture } from '../posture/posture.ts';
import type { PostureOverride } from '../posture/registry.ts';
import type { Desk } from './act.ts';
import { workspacesOf } from './open-gate.ts';

/** How tools are treated for one caller, as of now. */
export interface PosturesInForce {
  /** every tool that is known: allowed, set, or in the tool catalog */
  readonly tools: readonly string[];
  readonly postureOf: (tool: string) => Posture;
  /** everything that was set, for whomever */
  readonly overrides: readonly PostureOverride[];
}

/** @throws PalyraError store.unsafe */
export async function readPostures(
  { store, clock }: Pick<Desk, 'store' | 'clock'>,
  settings: Settings,
  caller: Caller,
): Promise<PosturesInForce> {
  const { posture: postures, registry } = await store.read('posture', 'registry');
  const config = evaluationConfigOf(settings);
  const workspaceIds = workspacesOf(registry, caller.principal);
  const rules = { settings, config, postures, workspaceIds, now: clock() };
  const set = postures.overrides.map(({ tool_name }) => tool_name);
  return {
    tools: [...new Set([...config.allowlistedTools, ...set, ...toolNames()])].sort(),
    postureOf: (tool) => toolPosture(tool, caller, rules),
    overrides: postures.overrides,
  };
}
