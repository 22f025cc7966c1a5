import { PalyraError } from '../errors.ts';
import { count, didYouMean } from '../text.ts';
import type { Acting } from './actor.ts';
import { isOn } from './flag.ts';
import { requirePermission, rootWorkspace } from './permission.ts';
import type { ApiToken, FeatureFlag, Registry } from './registry.ts';
import { isInForce, usableScopes } from './token.ts';

/** What is wanted of a flag. */
export interface FlagRequest {
  readonly key: string;
  readonly enabled: boolean;
  /** change the flags too that stand in the way */
  readonly withOthers: boolean;
}

/** What a change of flags touches, all of it: shown before, compared after. */
export interface FlagImpact {
  /** the flags that change, in the order in which they must */
  readonly flags: readonly string[];
  readonly commandsOpen: readonly string[];
  readonly commandsClose: readonly string[];
  readonly tokens: readonly TokenImpact[];
}

/** A token in force whose usable scopes change. */
export interface TokenImpact {
  readonly tokenId: string;
  readonly label: string;
  readonly gains: readonly string[];
  readonly loses: readonly string[];
  /** starts: it opens nothing now. stops: it will open nothing. */
  readonly effect: 'starts' | 'stops' | 'changes';
}

/** A registry with the flag as wanted, and what that touches; without `registry` it is so already. */
export interface FlagPlan {
  readonly registry?: Registry;
  readonly flag: FeatureFlag;
  readonly impact: FlagImpact;
}

/**
 * Turn a flag, and with `withOthers` those that it needs, or that need it.
 * @throws PalyraError usage.unknown, access.forbidden, access.flag_off (a dependency is off), store.conflict (others need it; rbac without an owner)
 */
export function changeFlag(registry: Registry, acting: Acting, request: FlagRequest, now: number): FlagPlan {
  const flag = findFlag(registry, request.key);
  requirePermission(registry, acting, 'rollout.manage');
  if (flag.enabled === request.enabled) return { flag, impact: NO_IMPACT };
  const others = request.enabled ? missingBelow(registry, flag) : enabledAbove(registry, flag);
  if (others.length > 0 && !request.withOthers)
    throw request.enabled ? needsOthers(flag, others) : isNeeded(flag, others);
  const keys = [...others, flag].map(({ key }) => key);
  if (request.enabled && keys.includes('rbac')) refuseWithoutOwner(registry);
  const next = {
    ...registry,
    feature_flags: registry.feature_flags.map((each) =>
      keys.includes(each.key)
        ? { ...each, enabled: request.enabled, updated_at_unix_ms: now, updated_by_principal: acting.principal }
        : each,
    ),
  };
  return { registry: next, flag: findFlag(next, flag.key), impact: impactOf(registry, next, keys, now) };
}

/** @throws PalyraError usage.unknown with the nearest one */
export function findFlag({ feature_flags }: Registry, key: string): FeatureFlag {
  const wanted = key.trim().toLowerCase();
  const flag = feature_flags.find((each) => each.key === wanted);
  if (flag !== undefined) return flag;
  const keys = feature_flags.map((each) => each.key);
  throw new PalyraError('usage.unknown', `unknown flag ${key.slice(0, 60)}`, {
    hint: didYouMean(key, keys, 'palyra flags list'),
  });
}

/** The flags that need this one, on or off. */
export function dependentsOf({ feature_flags }: Registry, key: string): FeatureFlag[] {
  return feature_flags.filter(({ depends_on }) => depends_on.includes(key));
}

/** What a flag opens on the command line. */
export function commandsOf(key: string): readonly string[] {
  return COMMANDS[key] ?? [];
}

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  api_tokens: ['palyra tokens mint', 'palyra tokens rotate', 'PALYRA_TOKEN'],
  team_mode: ['palyra workspaces create', 'palyra members invite', 'palyra members accept'],
  rbac: ['palyra shares set'],
};

const NO_IMPACT: FlagImpact = { flags: [], commandsOpen: [], commandsClose: [], tokens: [] };

/** Everything below a flag that is off, what is needed first first. */
function missingBelow(registry: Registry, { depends_on }: FeatureFlag, seen = new Set<string>()): FeatureFlag[] {
  return depends_on.flatMap((key) => {
    // another program may have written a circle
    if (seen.has(key) || isOn(registry, key)) return [];
    seen.add(key);
    const flag = findFlag(registry, key);
    return [...missingBelow(registry, flag, seen), flag];
  });
}

/** Everything above a flag that is on, what needs most first. */
function enabledAbove(registry: Registry, { key }: FeatureFlag, seen = new Set<string>()): FeatureFlag[] {
  return dependentsOf(registry, key).flatMap((flag) => {
    if (seen.has(flag.key) || !flag.enabled) return [];
    seen.add(flag.key);
    return [...enabledAbove(registry, flag, seen), flag];
  });
}

function needsOthers(flag: FeatureFlag, others: readonly FeatureFlag[]): PalyraError {
  return new PalyraError('access.flag_off', `${flag.key} needs ${keysOf(others)}, which ${are(others)} off`, {
    hint: `palyra flags enable ${flag.key} --with-deps`,
  });
}

function isNeeded(flag: FeatureFlag, others: readonly FeatureFlag[]): PalyraError {
  return new PalyraError('store.conflict', `${keysOf(others)} ${others.length === 1 ? 'needs' : 'need'} ${flag.key}`, {
    why: `${others.length === 1 ? 'it is' : 'they are'} on`,
    hint: `palyra flags disable ${flag.key} --cascade`,
  });
}

function keysOf(flags: readonly FeatureFlag[]): string {
  return flags.map(({ key }) => key).join(' and ');
}

function are({ length }: readonly FeatureFlag[]): string {
  return length === 1 ? 'is' : 'are';
}

/** Only an owner of the first workspace may change flags under rbac: without one it could never be turned off. */
function refuseWithoutOwner(registry: Registry): void {
  const root = rootWorkspace(registry);
  const isOwned = registry.memberships.some(
    ({ workspace_id, role }) => workspace_id === root?.workspace_id && role === 'owner',
  );
  if (isOwned) return;
  throw new PalyraError('store.conflict', 'rbac needs an owner, and there is none', {
    why: `nobody could turn it off again: ${count(registry.workspaces.length, 'workspace')}, no owner of the first`,
    hint: 'palyra workspaces create NAME   makes you the owner (needs team_mode)',
  });
}

function impactOf(before: Registry, after: Registry, flags: readonly string[], now: number): FlagImpact {
  const commands = flags.flatMap((key) => commandsOf(key));
  const opens = flags.some((key) => isOn(after, key));
  return {
    flags,
    commandsOpen: opens ? commands : [],
    commandsClose: opens ? [] : commands,
    tokens: before.api_tokens
      .filter((token) => isInForce(token, now))
      .flatMap((token) => tokenImpact(before, after, token)),
  };
}

function tokenImpact(before: Registry, after: Registry, token: ApiToken): TokenImpact[] {
  const had = usableScopes(before, token);
  const has = usableScopes(after, token);
  const gains = has.filter((scope) => !had.includes(scope));
  const loses = had.filter((scope) => !has.includes(scope));
  if (gains.length + loses.length === 0) return [];
  const effect = had.length === 0 ? 'starts' : has.length === 0 ? 'stops' : 'changes';
  return [{ tokenId: token.token_id, label: token.label, gains, loses, effect }];
}
