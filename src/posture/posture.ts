import type { Settings } from '../config/settings.ts';
import { findTool, requiresApproval } from '../policy/catalog.ts';
import type { EvaluationConfig } from '../policy/facts.ts';
import type { NormalizedRequest } from '../policy/request.ts';
import {
  POSTURE_STATES,
  type PostureOverride,
  type PostureRegistry,
  type PostureState,
  SCOPE_KINDS,
  type ScopeKind,
} from './registry.ts';

/** The posture of one tool, and what decided it. */
export interface Posture {
  readonly tool: string;
  readonly state: PostureState;
  readonly source: ScopeKind | 'default' | 'locked';
  readonly why: string;
}

/** What locks a tool, whatever anybody sets. */
export interface PostureGrounds {
  readonly isAllowlisted: boolean;
  readonly processRunnerEnabled: boolean;
}

/** Whom a call is for: overrides of their session, of themselves and of their workspaces apply. */
export interface PostureSubject {
  readonly sessionId: string;
  readonly principal: string;
  readonly workspaceIds: readonly string[];
}

/** The overrides in force; `unreadable` when their file cannot be read, and then every tool is disabled. */
export type Postures = PostureRegistry | 'unreadable';

/** What decides how the tool of a call is treated. */
export interface PostureRules {
  readonly settings: Settings;
  readonly config: EvaluationConfig;
  readonly postures: Postures;
  /** the workspaces that the asking principal is a member of */
  readonly workspaceIds: readonly string[];
  readonly now: number;
}

/** Who calls; blank where nobody in particular is meant. */
export type Caller = Pick<NormalizedRequest, 'principal' | 'sessionId'>;

/** The posture of the tool that a call names; undefined if it names none. */
export function postureOf(call: Caller & Pick<NormalizedRequest, 'tool'>, rules: PostureRules): Posture | undefined {
  return call.tool === '' ? undefined : toolPosture(call.tool, call, rules);
}

/** How a tool is treated for a caller. */
export function toolPosture(
  tool: string,
  { principal, sessionId }: Caller,
  { settings, config, postures, workspaceIds, now }: PostureRules,
): Posture {
  const grounds = {
    isAllowlisted: config.allowlistedTools.has(tool),
    processRunnerEnabled: settings.tool_call.process_runner.enabled,
  };
  return effectivePosture({ tool, grounds, subject: { sessionId, principal, workspaceIds } }, postures, now);
}

/**
 * How a tool is treated for somebody now: a lock, else the override of the narrowest scope, else the default. Of several
 * overrides of one scope (somebody in two workspaces) the strictest.
 */
export function effectivePosture(
  {
    tool,
    grounds,
    subject,
  }: { readonly tool: string; readonly grounds: PostureGrounds; readonly subject: PostureSubject },
  postures: Postures,
  now: number,
): Posture {
  const lock = lockOf(tool, grounds);
  if (lock !== undefined) return { tool, state: 'disabled', source: 'locked', why: lock };
  if (postures === 'unreadable') {
    return { tool, state: 'disabled', source: 'locked', why: 'the posture file cannot be read' };
  }
  const applying = postures.overrides.filter(
    (override) => override.tool_name === tool && isInForce(override, now) && isFor(override, subject),
  );
  for (const kind of SCOPE_KINDS) {
    const strictest = strictestOf(applying.filter(({ scope_kind }) => scope_kind === kind));
    if (strictest !== undefined) return { tool, state: strictest.state, source: kind, why: overrideWords(strictest) };
  }
  return defaultPosture(tool);
}

/** Whether an override counts at a moment. */
export function isInForce({ expires_at_unix_ms: expiry }: PostureOverride, now: number): boolean {
  return expiry === undefined || expiry === null || expiry > now;
}

/** What was set of a tool for less than everybody, and counts. */
export function narrowerOf(overrides: readonly PostureOverride[], tool: string, now: number): PostureOverride[] {
  return overrides.filter((one) => one.tool_name === tool && one.scope_kind !== 'global' && isInForce(one, now));
}

/** The posture when nobody has set one: a tool that needs an approval is asked for. */
function defaultPosture(tool: string): Posture {
  if (!requiresApproval(tool)) {
    return { tool, state: 'always_allow', source: 'default', why: 'the catalog calls it harmless' };
  }
  const why = findTool(tool) === undefined ? 'the tool is not in the catalog' : 'the catalog calls it sensitive';
  return { tool, state: 'ask_each_time', source: 'default', why };
}

function lockOf(tool: string, { isAllowlisted, processRunnerEnabled }: PostureGrounds): string | undefined {
  if (!isAllowlisted) return 'not in tool_call.allowed_tools';
  if (tool === 'palyra.process.run' && !processRunnerEnabled) return 'tool_call.process_runner.enabled is false';
  return undefined;
}

function isFor({ scope_kind: kind, scope_id: id }: PostureOverride, subject: PostureSubject): boolean {
  switch (kind) {
    case 'session':
      return id === subject.sessionId;
    case 'agent':
      return id === subject.principal;
    case 'workspace':
      return subject.workspaceIds.includes(id);
    case 'global':
      return true;
  }
}

function strictestOf(overrides: readonly PostureOverride[]): PostureOverride | undefined {
  return overrides.toSorted((a, b) => POSTURE_STATES.indexOf(b.state) - POSTURE_STATES.indexOf(a.state))[0];
}

function overrideWords({ scope_kind: kind, scope_id: id, actor_principal: actor, reason }: PostureOverride): string {
  const scope = kind === 'global' ? 'global' : `${kind} ${id}`;
  return `set for ${scope} by ${actor}${reason === undefined || reason === null ? '' : ` ("${reason}")`}`;
}
