import { PalyraError } from '../errors.ts';
import { findById, shortId } from '../ids.ts';
import { compareText } from '../text.ts';
import { parseMoment } from '../time.ts';
import type { Acting } from './actor.ts';
import { requireFlag } from './flag.ts';
import { parseName } from './name.ts';
import {
  highestRole,
  isTrusted,
  permissionsWithin,
  requirePermission,
  requireScope,
  roleIn,
  rootWorkspace,
} from './permission.ts';
import type { ApiToken, Registry, Role } from './registry.ts';
import { isAbove, parseRole, parseScope, permissionsOf } from './role.ts';
import { hashSecret, shownPrefix } from './secret.ts';
import { isExpired, isInForce, isRevoked } from './token.ts';
import { findWorkspace } from './workspace.ts';

/** A token as somebody asks for it, in their words. */
export interface TokenRequest {
  readonly label: string;
  /** who it authenticates; without one, whoever asks */
  readonly principal?: string | undefined;
  readonly scopes: readonly string[];
  readonly role?: string | undefined;
  /** id, end of the id, or slug */
  readonly workspace?: string | undefined;
  /** length of time, RFC 3339 or `never` */
  readonly expires?: string | undefined;
  readonly perMinute?: number | undefined;
}

/** What is drawn for a new token. */
export interface NewSecret {
  readonly tokenId: string;
  readonly secret: string;
}

/** Requests a minute. */
const RATE_LIMIT = { least: 10, most: 10_000, usual: 120 } as const;

/**
 * A new token, within what the actor may do themselves.
 * @throws PalyraError access.flag_off, access.forbidden, usage.invalid, usage.unknown, store.not_found
 */
export function mintToken(
  registry: Registry,
  acting: Acting,
  request: TokenRequest,
  drawn: NewSecret,
  now: number,
): { readonly registry: Registry; readonly token: ApiToken } {
  requireFlag(registry, 'api_tokens');
  const role = parseRole(request.role ?? 'operator');
  const workspaceId =
    request.workspace === undefined ? undefined : findWorkspace(registry, request.workspace).workspace_id;
  const expiresAt = parseExpiry(request.expires, now);
  const token: ApiToken = {
    token_id: drawn.tokenId,
    label: parseName(request.label, '--label'),
    token_prefix: shownPrefix(drawn.secret),
    token_hash_sha256: hashSecret(drawn.secret),
    scopes: parseScopes(request.scopes, role),
    principal: request.principal === undefined ? acting.principal : parseName(request.principal, '--principal'),
    ...(workspaceId === undefined ? {} : { workspace_id: workspaceId }),
    role,
    rate_limit_per_minute: clampRate(request.perMinute ?? RATE_LIMIT.usual),
    created_at_unix_ms: now,
    updated_at_unix_ms: now,
    ...(expiresAt === null ? {} : { expires_at_unix_ms: expiresAt }),
  };
  refuseOutsider(registry, token);
  requireRightToIssue(registry, acting, token);
  return { registry: { ...registry, api_tokens: [...registry.api_tokens, token] }, token };
}

/** How long the old secret of a rotated token works, and how long the new one. */
export interface RotateRequest {
  /** milliseconds; 0 ends the old one at once */
  readonly graceMs: number;
  /** without it, as the old one */
  readonly expires?: string | undefined;
}

/**
 * A successor with the rights of the old token, in one change: there is no moment with neither, nor, unasked, with both.
 * @throws PalyraError access.flag_off, access.forbidden, usage.invalid, store.not_found, store.conflict
 */
export function rotateToken(
  registry: Registry,
  acting: Acting,
  named: string,
  { graceMs, expires }: RotateRequest,
  drawn: NewSecret,
  now: number,
): { readonly registry: Registry; readonly token: ApiToken; readonly rotated: ApiToken } {
  requireFlag(registry, 'api_tokens');
  const old = findToken(registry, named, now);
  refuseDead(registry, old, now);
  requireRightToIssue(registry, acting, old);
  const { last_used_at_unix_ms: _, expires_at_unix_ms: oldExpiry, ...kept } = old;
  const expiresAt = expires === undefined ? (oldExpiry ?? null) : parseExpiry(expires, now);
  const token: ApiToken = {
    ...kept,
    token_id: drawn.tokenId,
    token_prefix: shownPrefix(drawn.secret),
    token_hash_sha256: hashSecret(drawn.secret),
    created_at_unix_ms: now,
    updated_at_unix_ms: now,
    ...(expiresAt === null ? {} : { expires_at_unix_ms: expiresAt }),
    rotated_from_token_id: old.token_id,
  };
  const rotated: ApiToken = {
    ...old,
    updated_at_unix_ms: now,
    ...(graceMs === 0
      ? { revoked_at_unix_ms: now }
      : { expires_at_unix_ms: Math.min(oldExpiry ?? Number.MAX_SAFE_INTEGER, now + graceMs) }),
  };
  return { registry: { ...registry, api_tokens: [...replaced(registry, rotated), token] }, token, rotated };
}

/**
 * End a token. Whoever may manage it may end it, whatever its rights; the first time is kept.
 * @returns without `registry` if it was revoked before
 * @throws PalyraError access.forbidden, usage.invalid, store.not_found
 */
export function revokeToken(
  registry: Registry,
  acting: Acting,
  named: string,
  now: number,
): { readonly registry?: Registry; readonly token: ApiToken } {
  const old = findToken(registry, named, now);
  requireRightToManage(registry, acting, old);
  if (isRevoked(old)) return { token: old };
  const token = { ...old, updated_at_unix_ms: now, revoked_at_unix_ms: now };
  return { registry: { ...registry, api_tokens: replaced(registry, token) }, token };
}

/**
 * The token that is named by its id, by the end of it, or by its label if no other live token has that.
 * @throws PalyraError usage.secret_argument, usage.invalid (also if several are meant), store.not_found
 */
export function findToken({ api_tokens }: Registry, named: string, now: number): ApiToken {
  const labelled = api_tokens.filter(({ label }) => label === named);
  if (labelled.length === 0)
    return findById(api_tokens, ({ token_id }) => token_id, named, 'token', 'palyra tokens list');
  const isEnd = ({ token_id }: ApiToken) => named.length >= 6 && token_id.endsWith(named.toUpperCase());
  const live = labelled.filter((token) => isInForce(token, now));
  const [token, ...others] = [...live, ...api_tokens.filter((each) => isEnd(each) && !live.includes(each))];
  if (token === undefined) {
    throw new PalyraError('store.not_found', `no live token has the label ${named}`, {
      why: `${idsOf(labelled)}: revoked or expired`,
      hint: 'give the id of the one that is meant',
    });
  }
  if (others.length === 0) return token;
  throw new PalyraError('usage.invalid', `${named} means ${others.length + 1} tokens`, {
    why: idsOf([token, ...others]),
    hint: 'give the id of the one that is meant',
  });
}

function idsOf(tokens: readonly ApiToken[]): string {
  return tokens
    .slice(0, 10)
    .map(({ token_id }) => token_id)
    .join(', ');
}

function clampRate(perMinute: number): number {
  return Math.min(RATE_LIMIT.most, Math.max(RATE_LIMIT.least, perMinute));
}

function parseScopes(words: readonly string[], role: Role): string[] {
  const scopes = words.length === 0 ? permissionsOf(role) : words.map((word) => parseScope(word));
  return [...new Set(scopes)].sort(compareText);
}

function parseExpiry(text: string | undefined, now: number): number | null {
  const moment = text === undefined ? null : parseMoment(text, now, '--expires');
  if (moment === null || moment > now) return moment;
  throw new PalyraError('usage.invalid', `--expires is in the past: ${text?.slice(0, 40)}`, {
    hint: 'give 90s, 15m, 12h, 30d, never, or a later time',
  });
}

function refuseOutsider(registry: Registry, { principal, workspace_id }: ApiToken): void {
  if (!workspace_id || roleIn(registry, principal, workspace_id) !== undefined) return;
  const slug = registry.workspaces.find((workspace) => workspace.workspace_id === workspace_id)?.slug ?? workspace_id;
  throw new PalyraError('access.forbidden', `${principal} is not a member of workspace ${slug}`, {
    why: 'a token of a workspace acts for one of its members',
    hint: `palyra members list --workspace ${slug}`,
  });
}

function replaced({ api_tokens }: Registry, token: ApiToken): ApiToken[] {
  return api_tokens.map((each) => (each.token_id === token.token_id ? token : each));
}

/** A token that cannot be rotated: it is over, or its successor already works. */
function refuseDead(registry: Registry, token: ApiToken, now: number): void {
  const id = shortId(token.token_id);
  const hint = 'palyra tokens mint   makes a new one';
  if (isRevoked(token))
    throw new PalyraError('store.conflict', `token ${id} is revoked, so it has no successor`, { hint });
  if (isExpired(token, now))
    throw new PalyraError('store.conflict', `token ${id} has expired, so it has no successor`, { hint });
  const successor = registry.api_tokens.find(
    (each) => each.rotated_from_token_id === token.token_id && isInForce(each, now),
  );
  if (successor === undefined) return;
  throw new PalyraError('store.conflict', `token ${id} is rotated already, and still in its grace`, {
    why: `its successor is ${shortId(successor.token_id)}`,
    hint: `palyra tokens rotate ${shortId(successor.token_id)}`,
  });
}

/** To hold a token's secret is to have its rights: nobody issues one beyond their own. */
function requireRightToIssue(registry: Registry, acting: Acting, token: ApiToken): void {
  if (isTrusted(registry, acting)) return;
  requireRightToManage(registry, acting, token);
  const { principal, scopes, role } = token;
  const workspaceId = token.workspace_id || undefined;
  if (workspaceId === undefined && principal !== acting.principal) {
    throw new PalyraError('access.forbidden', 'a token without a workspace is for oneself', {
      why: `${acting.principal} asks for ${principal}`,
      hint: 'name a workspace that both are in: --workspace NAME',
    });
  }
  const held = permissionsWithin(registry, acting, workspaceId);
  const beyond = scopes.filter((scope) => !held.has(scope));
  if (beyond.length > 0) {
    throw new PalyraError('access.forbidden', `${acting.principal} lacks what the token would have`, {
      why: beyond.join(', '),
      hint: 'name scopes that you have yourself: --scope NAME',
    });
  }
  const most = highestRole(registry, acting, workspaceId);
  if (!isAbove(role, most)) return;
  throw new PalyraError('access.forbidden', `the role ${role} is beyond that of ${acting.principal}`, {
    why: `which is ${most}`,
    hint: `--role ${most}`,
  });
}

/** A token of a workspace: whoever manages tokens there. Any other: whom it is for, or who manages tokens of the first. */
function requireRightToManage(registry: Registry, acting: Acting, { principal, workspace_id }: ApiToken): void {
  if (workspace_id) requirePermission(registry, acting, 'api_tokens.manage', workspace_id);
  else if (principal === acting.principal) requireScope(acting, 'api_tokens.manage');
  else requirePermission(registry, acting, 'api_tokens.manage', rootWorkspace(registry)?.workspace_id);
}
