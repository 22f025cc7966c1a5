import { NOBODY, type Settings } from '../config/settings.ts';
import { PalyraError } from '../errors.ts';
import { expandAllowlist, requiresApproval, SENSITIVE_CAPABILITIES } from './catalog.ts';
import { asciiLower, type NormalizedRequest, readRecord, refuseUnknown, trim } from './request.ts';

/** A list of names in lower case; `any` where the operator lists nobody in particular. */
export type Gate = ReadonlySet<string> | 'any';

/** The configuration that a decision depends on. All names in lower case, whole, no wildcards. */
export interface EvaluationConfig {
  readonly allowlistedTools: ReadonlySet<string>;
  readonly allowlistedSkills: ReadonlySet<string>;
  readonly allowSensitiveTools: boolean;
  readonly sensitiveToolNames: ReadonlySet<string>;
  readonly sensitiveActions: ReadonlySet<string>;
  readonly sensitiveCapabilityNames: ReadonlySet<string>;
  readonly principalGate: Gate;
  readonly channelGate: Gate;
  /** allowlisting a tool makes it sensitive where the tool catalog says that it needs an approval */
  readonly usesCatalog: boolean;
}

/** What is computed from request and configuration, and handed to Cedar beside the request. */
export interface PolicyFacts {
  readonly is_sensitive_action: boolean;
  readonly is_allowlisted_tool: boolean;
  readonly is_allowlisted_skill: boolean;
  readonly is_tool_execute_principal_allowed: boolean;
  readonly is_tool_execute_channel_allowed: boolean;
}

const DEFAULT_SENSITIVE_ACTIONS: readonly string[] = ['cron.delete', 'memory.purge'];

/** The facts of one request under one configuration. */
export function establishFacts(request: NormalizedRequest, config: EvaluationConfig): PolicyFacts {
  const executesTool = request.action === 'tool.execute';
  return {
    is_sensitive_action:
      config.sensitiveActions.has(request.action) ||
      request.capabilities.some((capability) => config.sensitiveCapabilityNames.has(capability)) ||
      (executesTool && config.sensitiveToolNames.has(request.tool)),
    is_allowlisted_tool: request.tool !== '' && config.allowlistedTools.has(request.tool),
    is_allowlisted_skill: request.skill !== '' && config.allowlistedSkills.has(request.skill),
    is_tool_execute_principal_allowed: !executesTool || passes(request.principal, config.principalGate),
    is_tool_execute_channel_allowed: !executesTool || passes(request.channel, config.channelGate),
  };
}

/**
 * A configuration that a request line brings itself (a what-if): it replaces the whole configuration, so lists that
 * are not given are empty, sensitive_actions has its default, and the tool catalog is not consulted.
 * @throws PalyraError input.invalid
 */
export function readEvaluationConfig(value: unknown): EvaluationConfig {
  const given = readRecord(value, 'config');
  const { allow_sensitive_tools: allowSensitive = false, ...lists } = given;
  if (typeof allowSensitive !== 'boolean')
    throw new PalyraError('input.invalid', 'config.allow_sensitive_tools is true or false');
  refuseUnknown(
    Object.fromEntries(Object.entries(lists).filter(([key]) => !(LISTS as readonly string[]).includes(key))),
    [...LISTS, 'allow_sensitive_tools'],
    'config',
  );
  const names = (key: (typeof LISTS)[number]): ReadonlySet<string> => nameSet(lists[key] ?? [], `config.${key}`);
  return {
    allowlistedTools: names('allowlisted_tools'),
    allowlistedSkills: names('allowlisted_skills'),
    allowSensitiveTools: allowSensitive,
    sensitiveToolNames: names('sensitive_tool_names'),
    sensitiveActions:
      lists.sensitive_actions === undefined ? new Set(DEFAULT_SENSITIVE_ACTIONS) : names('sensitive_actions'),
    sensitiveCapabilityNames: names('sensitive_capability_names'),
    principalGate: gateOf(names('tool_execute_principal_allowlist')),
    channelGate: gateOf(names('tool_execute_channel_allowlist')),
    usesCatalog: false,
  };
}

/** The configuration of palyra.toml as a decision needs it, filled up from the tool catalog. */
export function evaluationConfigOf({ tool_call: given }: Settings): EvaluationConfig {
  const allowlistedTools = new Set(expandAllowlist(given.allowed_tools.map(nameOf)));
  return {
    allowlistedTools,
    allowlistedSkills: new Set(given.allowed_skills.map(nameOf)),
    allowSensitiveTools: given.allow_sensitive_tools,
    sensitiveToolNames: new Set([...allowlistedTools].filter(requiresApproval)),
    sensitiveActions: new Set(given.sensitive_actions.map(nameOf)),
    sensitiveCapabilityNames: new Set(SENSITIVE_CAPABILITIES),
    principalGate: settingGate(given.tool_execute_principal_allowlist),
    channelGate: settingGate(given.tool_execute_channel_allowlist),
    usesCatalog: true,
  };
}

function settingGate(names: readonly string[] | typeof NOBODY): Gate {
  return names === NOBODY ? new Set() : gateOf(new Set(names.map(nameOf)));
}

function nameOf(text: string): string {
  return asciiLower(trim(text));
}

/** An empty list of a gate means anybody: that is how it is written, not how it is kept. */
function gateOf(names: ReadonlySet<string>): Gate {
  return names.size === 0 ? 'any' : names;
}

function nameSet(value: unknown, name: string): ReadonlySet<string> {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new PalyraError('input.invalid', `${name} is a list of texts`);
  }
  if (value.length > 10_000) throw new PalyraError('input.too_large', `${name} has more than 10000 names`);
  return new Set(value.map(nameOf));
}

function passes(name: string, gate: Gate): boolean {
  return gate === 'any' || (name !== '' && gate.has(asciiLower(name)));
}

const LISTS = [
  'allowlisted_tools',
  'allowlisted_skills',
  'sensitive_tool_names',
  'sensitive_actions',
  'sensitive_capability_names',
  'tool_execute_principal_allowlist',
  'tool_execute_channel_allowlist',
] as const;
