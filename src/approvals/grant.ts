import { canonicalJson } from '../canonical.ts';
import { type Checked, list, oneOf, optional, record, text, truth, whole } from '../schema.ts';
import { nameWords } from '../text.ts';
import { rfc3339 } from '../time.ts';
import type { Approval, Settlement } from './approval.ts';
import { type ExecutionContext, limitsShape, type SealedProposal, variablesSha256 } from './proposal.ts';

const commandRule = record({
  /** its beginning, or the whole where argv_is_whole */
  argv: list(text),
  argv_is_whole: truth,
  executable: text,
  cwd: text,
  tier: oneOf('b', 'c'),
  egress: oneOf('none', 'preflight', 'strict'),
  hosts: list(text),
  env_names: list(text),
  // a grant of an older version has none of these, and lets nothing through
  env_sha256: optional(text),
  limits: optional(limitsShape),
  workspace: optional(text),
  stdin: optional(oneOf('null', 'pipe')),
  tty: optional(truth),
  allow_root: optional(truth),
});

const grantRule = record({
  action: text,
  resource: text,
  tool: text,
  skill: text,
  principal: text,
  device_id: text,
  channel: text,
  session_id: text,
  /** for a command; other tools are bound to their whole input instead, never to their name alone */
  command: optional(commandRule),
  payload_sha256: optional(text),
});

export const grantRecord = record({
  grant_id: text,
  approval_id: text,
  scope: oneOf('session', 'timeboxed'),
  rule: grantRule,
  granted_by: text,
  created_at_unix_ms: whole,
  expires_at_unix_ms: optional(whole),
  revoked_at_unix_ms: optional(whole),
  revoked_by: optional(text),
});

/** What a standing grant lets through without asking again. In the words of the file. */
export type GrantRule = Checked<typeof grantRule>;
/** A standing allow from a session or timeboxed approval. */
export type Grant = Checked<typeof grantRecord>;

/** The grant that a settlement makes of an approval; none for one execution, or a deny. */
export function newGrant(
  approval: Approval,
  { decision_scope: scope, decision_scope_ttl_ms: ttl }: Settlement,
  { grantId, by, now }: { readonly grantId: string; readonly by: string; readonly now: number },
): Grant | undefined {
  if (scope !== 'session' && scope !== 'timeboxed') return undefined;
  return {
    grant_id: grantId,
    approval_id: approval.approval_id,
    scope,
    rule: grantRuleOf(approval),
    granted_by: by,
    created_at_unix_ms: now,
    ...(typeof ttl === 'number' ? { expires_at_unix_ms: now + ttl } : {}),
  };
}

/** The rule that an approval would grant for longer than once. */
export function grantRuleOf(approval: Approval): GrantRule {
  const { execution } = approval;
  return {
    action: approval.action,
    resource: approval.resource,
    tool: approval.tool_name ?? '',
    skill: approval.skill_id ?? '',
    principal: approval.principal,
    device_id: approval.device_id,
    channel: approval.channel ?? '',
    session_id: approval.session_id,
    ...(execution === undefined || execution === null
      ? { payload_sha256: approval.payload_sha256 }
      : {
          command: { ...argvRule(execution.argv), ...besidesWords(execution) },
        }),
  };
}

/** The grant in force that lets this call through, if there is one. */
export function findGrant(grants: readonly Grant[], call: SealedProposal, now: number): Grant | undefined {
  return grants.find((grant) => isStanding(grant, now) && covers(grant.rule, call));
}

export function isStanding({ expires_at_unix_ms: expiry, revoked_at_unix_ms: revoked }: Grant, now: number): boolean {
  const isRevoked = revoked !== undefined && revoked !== null;
  return !isRevoked && (expiry === undefined || expiry === null || expiry > now);
}

/** The rule word for word, one part each: what an operator reads before the key works. */
export function ruleWords({ command, payload_sha256: payload, ...rule }: GrantRule): string[] {
  const words = [
    rule.tool === '' ? `action=${nameWords(rule.action)}` : `tool=${nameWords(rule.tool)}`,
    `resource=${nameWords(rule.resource)}`,
  ];
  if (rule.skill !== '') words.push(`skill=${nameWords(rule.skill)}`);
  if (command !== undefined && command !== null) {
    const range = command.argv_is_whole ? 'argv' : `argv[0..${command.argv.length - 1}]`;
    words.push(
      `${range}=${JSON.stringify(command.argv)}`,
      `executable=${nameWords(command.executable)}`,
      `cwd=${nameWords(command.cwd)}`,
    );
    words.push(`tier=${command.tier}`, `egress=${command.egress}`, `hosts=${JSON.stringify(command.hosts)}`);
    words.push(`env=${JSON.stringify(command.env_names)}`, ...wordsBesides(command));
  }
  if (typeof payload === 'string') words.push(`input sha256=${payload}`);
  words.push(`principal=${nameWords(rule.principal)}`);
  for (const key of ['device_id', 'channel', 'session_id'] as const) {
    words.push(`${key.replace('_id', '')}=${rule[key] === '' ? 'none' : nameWords(rule[key])}`);
  }
  return words;
}

/** Where a command could become another one although its words stay the same. */
function wordsBesides(command: NonNullable<GrantRule['command']>): string[] {
  const { env_sha256: env = NOTHING_NAMED, workspace, stdin, tty, allow_root: asRoot, limits } = command;
  return [
    ...(env === NOTHING_NAMED ? [] : [`values of env sha256=${env}`]),
    `workspace=${workspace}`,
    `stdin=${stdin === 'pipe' ? 'passed on' : 'none'}`,
    `terminal=${tty === true ? 'passed on' : 'none'}`,
    ...(asRoot === true ? ['as root'] : []),
    `limits=${JSON.stringify(limits)}`,
  ];
}

const NOTHING_NAMED = variablesSha256({});

/** `until 2026-12-22T18:00:00Z`, `for the session`, `revoked`, `expired`. */
export function grantTerm(grant: Grant, now: number): string {
  if (typeof grant.revoked_at_unix_ms === 'number') return `revoked by ${nameWords(grant.revoked_by ?? 'somebody')}`;
  if (!isStanding(grant, now)) return 'expired';
  return typeof grant.expires_at_unix_ms === 'number'
    ? `until ${rfc3339(grant.expires_at_unix_ms)}`
    : 'for the session';
}

/** Everything of an execution but its words and what carries it out. */
function besidesWords({ argv: _argv, executor: _executor, ...besides }: ExecutionContext) {
  return besides;
}

/** The subcommand counts, what follows it is free; any other command line counts whole. */
function argvRule(argv: readonly string[]): { readonly argv: readonly string[]; readonly argv_is_whole: boolean } {
  const [program = '', subcommand = ''] = argv;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const isPrefix = argv.length > 2 && WITH_SUBCOMMANDS.has(name) && /^[a-z][a-z0-9-]*$/.test(subcommand);
  return isPrefix ? { argv: argv.slice(0, 2), argv_is_whole: false } : { argv, argv_is_whole: true };
}

/** programs whose second word says what they do */
const WITH_SUBCOMMANDS: ReadonlySet<string> = new Set(
  'apt cargo composer docker dotnet gh git go helm kubectl npm pip pnpm poetry terraform uv yarn'.split(' '),
);

function covers(rule: GrantRule, { request, payloadSha256, execution }: SealedProposal): boolean {
  const isSame =
    rule.action === request.action &&
    rule.resource === request.resource &&
    rule.tool === request.tool &&
    rule.skill === request.skill &&
    rule.principal === request.principal &&
    rule.device_id === request.deviceId &&
    rule.channel === request.channel &&
    rule.session_id === request.sessionId;
  if (!isSame) return false;
  const { command } = rule;
  if (command === undefined || command === null) {
    return execution === undefined && rule.payload_sha256 === payloadSha256;
  }
  if (execution === undefined) return false;
  const { argv, argv_is_whole: isWhole, ...besides } = command;
  return (
    isFromThisVersion(command) &&
    (!isWhole || argv.length === execution.argv.length) &&
    argv.every((word, i) => word === execution.argv[i]) &&
    canonicalJson(besides) === canonicalJson(besidesWords(execution))
  );
}

function isFromThisVersion(command: NonNullable<GrantRule['command']>): boolean {
  const { env_sha256, limits, workspace, stdin, tty, allow_root } = command;
  return [env_sha256, limits, workspace, stdin, tty, allow_root].every((part) => part !== undefined && part !== null);
}
