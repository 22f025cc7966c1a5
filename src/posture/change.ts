import { PalyraError } from '../errors.ts';
import { findTool, toolNames } from '../policy/catalog.ts';
import { asciiLower, trim } from '../policy/request.ts';
import { isPlain, nearest } from '../text.ts';
import { isInForce } from './posture.ts';
import type { PostureAuditEvent, PostureOverride, PostureRegistry, PostureState, ScopeKind } from './registry.ts';

/** Where an override applies. */
export interface PostureScope {
  readonly kind: ScopeKind;
  readonly id: string;
}

export const GLOBAL: PostureScope = { kind: 'global', id: 'global' };

/** What is to be: a state, or none (cleared). */
export interface PostureWish {
  readonly tool: string;
  readonly scope: PostureScope;
  readonly state: PostureState | undefined;
  readonly expiresAtUnixMs?: number;
}

/** Who wants it, when and why. */
export interface PostureAuthor {
  readonly principal: string;
  readonly now: number;
  readonly reason?: string;
  /** new ULIDs, at least one for each change */
  readonly eventIds: readonly string[];
}

/** One line of a diff: what was set before, what is to be; undefined is not set. */
export interface PostureChange extends PostureWish {
  readonly before: PostureState | undefined;
}

const AUDIT_EVENTS = 2000;

/**
 * What wishes change, without changing it: only those that make a difference.
 * @throws PalyraError usage.unknown for a misspelt tool of palyra's
 */
export function planChanges(registry: PostureRegistry, wishes: readonly PostureWish[], now: number): PostureChange[] {
  return wishes.flatMap((wish) => {
    const before = registry.overrides.find((override) => isOf(override, wish) && isInForce(override, now));
    const isSame = before?.state === wish.state && (before?.expires_at_unix_ms ?? undefined) === wish.expiresAtUnixMs;
    return isSame ? [] : [{ ...wish, before: before?.state }];
  });
}

/** The registry after the changes, with an audit event for each; overrides that have expired are dropped. */
export function applyChanges(
  registry: PostureRegistry,
  changes: readonly PostureChange[],
  author: PostureAuthor,
): PostureRegistry {
  let overrides = registry.overrides.filter((override) => isInForce(override, author.now));
  const events: PostureAuditEvent[] = [];
  for (const [i, change] of changes.entries()) {
    const old = overrides.find((override) => isOf(override, change));
    overrides = overrides.filter((override) => !isOf(override, change));
    if (change.state !== undefined) overrides.push(overrideOf({ ...change, state: change.state }, old, author));
    events.unshift(eventOf(change, author, author.eventIds[i] ?? ''));
  }
  return { ...registry, overrides, audit_events: [...events, ...registry.audit_events].slice(0, AUDIT_EVENTS) };
}

/** A change as the journal and programs read it. */
export function changeRecord({ tool, scope, state, before, expiresAtUnixMs }: PostureChange) {
  return {
    tool_name: tool,
    scope_kind: scope.kind,
    scope_id: scope.id,
    previous_state: before ?? null,
    state: state ?? null,
    ...(expiresAtUnixMs === undefined ? {} : { expires_at_unix_ms: expiresAtUnixMs }),
  };
}

/**
 * The name of a tool as the registry keeps it.
 * @throws PalyraError usage.unknown with the nearest name, usage.invalid
 */
export function readToolName(given: string): string {
  const tool = asciiLower(trim(given));
  if (tool === '' || tool.length > 128 || !isPlain(tool)) {
    throw new PalyraError('usage.invalid', 'not the name of a tool', { hint: 'palyra posture list' });
  }
  const [near] = nearest(tool, toolNames());
  if (findTool(tool) !== undefined || !(tool.startsWith('palyra.') || near !== undefined)) return tool;
  throw new PalyraError('usage.unknown', `unknown tool ${tool}`, {
    hint: near === undefined ? 'palyra posture list' : `did you mean ${near}?`,
  });
}

function overrideOf(
  { tool, scope, state, expiresAtUnixMs }: PostureWish & { readonly state: PostureState },
  old: PostureOverride | undefined,
  { principal, now, reason }: PostureAuthor,
): PostureOverride {
  // what we do not know of an older record stays; what it said of reason and expiry does not
  const { reason: _, expires_at_unix_ms: __, ...kept } = old ?? {};
  return {
    ...kept,
    tool_name: tool,
    scope_kind: scope.kind,
    scope_id: scope.id,
    state,
    ...(reason === undefined ? {} : { reason }),
    actor_principal: principal,
    source: 'manual',
    created_at_unix_ms: old?.created_at_unix_ms ?? now,
    updated_at_unix_ms: now,
    ...(expiresAtUnixMs === undefined ? {} : { expires_at_unix_ms: expiresAtUnixMs }),
  };
}

function eventOf(
  { tool, scope, state, before }: PostureChange,
  author: PostureAuthor,
  eventId: string,
): PostureAuditEvent {
  return {
    event_id: eventId,
    tool_name: tool,
    scope_kind: scope.kind,
    scope_id: scope.id,
    action: state === undefined ? 'clear' : 'set',
    ...(state === undefined ? {} : { state }),
    ...(before === undefined ? {} : { previous_state: before }),
    ...(author.reason === undefined ? {} : { reason: author.reason }),
    actor_principal: author.principal,
    created_at_unix_ms: author.now,
  };
}

function isOf({ tool_name, scope_kind, scope_id }: PostureOverride, { tool, scope }: PostureWish): boolean {
  return tool_name === tool && scope_kind === scope.kind && scope_id === scope.id;
}
