import { PalyraError } from '../errors.ts';
import { nearest } from '../text.ts';

/** Who wants to do what to what, and in which circumstances. Source: spec of the gate; JSON uses the same words in snake_case. */
export interface PolicyRequest {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: PolicyRequestContext;
}

/** Execution data: what is blank counts as absent. */
export interface PolicyRequestContext {
  readonly device_id?: string;
  readonly channel?: string;
  readonly session_id?: string;
  readonly run_id?: string;
  readonly tool_name?: string;
  readonly skill_id?: string;
  readonly capabilities?: readonly string[];
}

/** A request after normalisation: absent context is `''`, names are lower-case, capabilities sorted and distinct. */
export interface NormalizedRequest {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly deviceId: string;
  readonly channel: string;
  readonly sessionId: string;
  readonly runId: string;
  /** the tool that the request is about, from the context or, for tool.execute, the resource; `''`: none */
  readonly tool: string;
  readonly skill: string;
  readonly capabilities: readonly string[];
}

/** Longest accepted text, in UTF-16 units; a list may hold 1,000 of them. */
const TEXT_LIMIT = 4096;
const LIST_LIMIT = 1000;

/**
 * Read a request from parsed JSON: `{principal, action, resource, context?}`.
 * @throws PalyraError input.invalid, input.too_large; the values are not echoed
 */
export function readRequest(value: unknown): PolicyRequest {
  const { principal, action, resource, context, ...rest } = readRecord(value, 'a request');
  refuseUnknown(rest, REQUEST_KEYS, 'request');
  return {
    principal: readText(principal, 'principal'),
    action: readText(action, 'action'),
    resource: readText(resource, 'resource'),
    context: context === undefined ? {} : readContext(context),
  };
}

/**
 * The request as policies see it. The trimming is Unicode's White_Space, the lower-casing ASCII's alone.
 * @throws PalyraError input.invalid when tool_name or skill_id names another tool or skill than the resource does:
 *   an allowlisted name must never authorise a different resource
 */
export function normalizeRequest(request: PolicyRequest): NormalizedRequest {
  const { context } = request;
  const action = asciiLower(request.action);
  return {
    principal: request.principal,
    action,
    resource: request.resource,
    deviceId: trim(context.device_id ?? ''),
    channel: trim(context.channel ?? ''),
    sessionId: trim(context.session_id ?? ''),
    runId: trim(context.run_id ?? ''),
    tool: subject(asciiLower(trim(context.tool_name ?? '')), action, request.resource, TOOL),
    skill: subject(asciiLower(trim(context.skill_id ?? '')), action, request.resource, SKILL),
    capabilities: normalizeCapabilities(context.capabilities ?? []),
  };
}

/** ASCII letters alone: no locale, no `İ`, no change of length. */
export function asciiLower(text: string): string {
  return UPPER.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Without leading and trailing White_Space (Unicode): U+0085 is trimmed, U+FEFF is not. */
export function trim(text: string): string {
  return EDGE.test(text) ? text.replace(LEADING, '').replace(TRAILING, '') : text;
}

/** A plain object, or an error that names what was expected. */
export function readRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new PalyraError('input.invalid', `${what} is a JSON object, not ${kindOf(value)}`);
}

/** Refuse what nobody declared, with the nearest name that exists. */
export function refuseUnknown(rest: Readonly<Record<string, unknown>>, known: readonly string[], what: string): void {
  const [key] = Object.keys(rest);
  if (key === undefined) return;
  const [near] = nearest(key, known);
  throw new PalyraError('input.invalid', `unknown key in ${what}: ${key.slice(0, 60)}`, {
    why: `known keys: ${known.join(', ')}`,
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

function readContext(value: unknown): PolicyRequestContext {
  const given = readRecord(value, 'context');
  const context: { -readonly [K in keyof PolicyRequestContext]: PolicyRequestContext[K] } = {};
  for (const [key, member] of Object.entries(given)) {
    if (key === 'capabilities') {
      if (!isTextList(member)) throw new PalyraError('input.invalid', 'context.capabilities is a list of texts');
      if (member.length > LIST_LIMIT) {
        throw new PalyraError('input.too_large', `context.capabilities has ${member.length} texts`, {
          why: `the limit is ${LIST_LIMIT}`,
        });
      }
      for (const capability of member) readText(capability, 'a capability');
      context.capabilities = [...member];
    } else if (isContextKey(key)) context[key] = readText(member, key);
    else refuseUnknown({ [key]: member }, CONTEXT_KEYS, 'context');
  }
  return context;
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isContextKey(key: string): key is (typeof IDENTIFIERS)[number] {
  return (IDENTIFIERS as readonly string[]).includes(key);
}

/** A text that Cedar can hold: within the limit, without NUL or half a surrogate pair. */
function readText(value: unknown, name: string): string {
  if (typeof value !== 'string') {
    throw new PalyraError(
      'input.invalid',
      value === undefined ? `${name} is missing` : `${name} is a text, not ${kindOf(value)}`,
    );
  }
  if (value.length > TEXT_LIMIT) {
    throw new PalyraError('input.too_large', `${name} is too long: ${value.length} characters`, {
      why: `the limit is ${TEXT_LIMIT}`,
    });
  }
  if (value.includes('\0')) throw new PalyraError('input.invalid', `${name} holds a NUL character`);
  if (!value.isWellFormed()) throw new PalyraError('input.invalid', `${name} holds half a surrogate pair`);
  return value;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

interface Subject {
  readonly action: string;
  readonly prefix: string;
  readonly key: string;
}
const TOOL: Subject = { action: 'tool.execute', prefix: 'tool:', key: 'tool_name' };
const SKILL: Subject = { action: 'skill.execute', prefix: 'skill:', key: 'skill_id' };

function subject(named: string, action: string, resource: string, { action: executes, prefix, key }: Subject): string {
  if (action !== executes) return named;
  const whole = trim(resource);
  const target = asciiLower(
    whole.startsWith(prefix) && whole.length > prefix.length ? whole.slice(prefix.length) : whole,
  );
  if (named === '') return target;
  if (contradicts(whole, named, prefix)) {
    throw new PalyraError('input.invalid', `${key} and resource contradict each other`, {
      why: `context.${key} is ${named}, the resource is ${whole === '' ? 'blank' : whole}`,
      hint: `leave ${key} out, or name the same ${prefix.slice(0, -1)} in both`,
    });
  }
  return named;
}

/**
 * Whether a resource is another than the tool that the context names. Whatever is not that tool's name, with its prefix
 * or alone, may be anything to an executor: the other kind, a blank, something in another spelling.
 */
function contradicts(resource: string, named: string, prefix: string): boolean {
  const target = asciiLower(resource);
  return target !== (target.startsWith(prefix) ? `${prefix}${named}` : named);
}

function normalizeCapabilities(capabilities: readonly string[]): readonly string[] {
  if (capabilities.length === 0) return capabilities;
  const kept = capabilities.map((capability) => asciiLower(trim(capability))).filter((capability) => capability !== '');
  return [...new Set(kept)].sort();
}

const IDENTIFIERS = ['device_id', 'channel', 'session_id', 'run_id', 'tool_name', 'skill_id'] as const;
const CONTEXT_KEYS = [...IDENTIFIERS, 'capabilities'];
const REQUEST_KEYS = ['principal', 'action', 'resource', 'context'];
const UPPER = /[A-Z]/;
const EDGE = /^\p{White_Space}|\p{White_Space}$/u;
const LEADING = /^\p{White_Space}+/u;
const TRAILING = /\p{White_Space}+$/u;
