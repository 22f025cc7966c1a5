import type { ExplainedDecision } from '../../../flows/policy/check-policy.ts';
import type { MissingGrant } from '../../../policy/decision.ts';
import type { NearMiss } from '../../../policy/explanation.ts';
import type { Gate } from '../../../policy/facts.ts';
import type { Clause } from '../../../policy/probes.ts';
import type { Posture } from '../../../posture/posture.ts';
import { countHostile, printable } from '../../../text.ts';
import type { Paint } from '../../color.ts';

const SHOWN = 3;

/** A decision in words, for a terminal: what, why, what is closest, the smallest change, what comes then. */
export function explainInWords(explained: ExplainedDecision, paint: Paint, configPath: string): string[] {
  return explained.decision === 'allow' ? explainAllow(explained, paint) : explainDeny(explained, paint, configPath);
}

/** What a person does to make a grant: a line of configuration, or a command. */
export function grantSteps({ request }: ExplainedDecision, grant: MissingGrant, configPath: string): string {
  switch (grant) {
    case 'grant_tool_allowlist':
      return `add ${quoted(request.tool)} to tool_call.allowed_tools in ${configPath}`;
    case 'enable_or_allowlist_skill':
      return `add ${quoted(request.skill)} to tool_call.allowed_skills in ${configPath}`;
    case 'add_principal_to_tool_execute_allowlist':
      return `add ${quoted(request.principal)} to tool_call.tool_execute_principal_allowlist in ${configPath}`;
    case 'add_channel_to_tool_execute_allowlist':
      return `add ${quoted(request.channel)} to tool_call.tool_execute_channel_allowlist in ${configPath}`;
    case 'request_explicit_approval':
      return 'an operator approves it (or, for all sensitive calls, tool_call.allow_sensitive_tools = true)';
    case 'review_action_resource_scope':
      return 'write a policy that permits it, and name its file in policy.paths';
  }
}

function explainAllow(explained: ExplainedDecision, paint: Paint): string[] {
  const { reasonCode, matched } = explained;
  const obstacle = obstacleWords(explained);
  return [
    obstacle === undefined
      ? `${paint.good('✓ ALLOW')}  ${reasonCode}`
      : `${paint.caution('✓ ALLOW')}  ${reasonCode}   ${paint.caution(`by policy; ${obstacle}`)}`,
    '',
    ...matched.map(({ id, file, line }) => `  Permitted by  ${strong(paint, id)}   ${place(file, line)}`),
    ...errorLines(explained, paint),
    ...thenLines(explained),
  ];
}

/** What stands in the way of a call that policy allows; it belongs beside the ALLOW, where nobody overlooks it. */
function obstacleWords({ afterwards: { posture, skill } }: ExplainedDecision): string | undefined {
  if (posture?.state === 'disabled') return 'disabled by posture, so nothing runs';
  if (skill !== undefined) return 'the skill is not run';
  return posture?.state === 'ask_each_time' ? 'by posture an operator is asked' : undefined;
}

function explainDeny(explained: ExplainedDecision, paint: Paint, configPath: string): string[] {
  const { reasonCode, matched, errors, approvalRequired } = explained;
  const forbids = matched.filter(({ effect }) => effect === 'forbid');
  const closest = explained.nearMisses.filter(({ effect }) => effect === 'permit').slice(0, SHOWN);
  return [
    `${paint.bad('✗ DENY')}   ${reasonCode}`,
    '',
    ...(forbids.length === 0
      ? [
          `  ${errors.length > 0 ? 'The policies could not all be evaluated, and palyra fails closed.' : 'Nothing permits this, and nothing forbids it.'}`,
        ]
      : forbids.map(({ id, file, line }) => `  Forbidden by ${strong(paint, id)}   ${place(file, line)}`)),
    ...errorLines(explained, paint),
    ...closest.flatMap((miss) => nearMissLines(miss, explained, paint)),
    ...changeLines(
      explained,
      forbids.map(({ id }) => id),
      configPath,
    ),
    ...(approvalRequired ? ['  An approval would allow this (exit 11).'] : []),
    ...thenLines(explained),
  ];
}

function errorLines({ errors, failed }: ExplainedDecision, paint: Paint): string[] {
  return errors.map(({ policy_id: id, message }) => {
    const policy = failed.find((one) => one.id === id);
    const whose = policy === undefined ? '' : `${printable(policy.id)}   ${place(policy.file, policy.line)}   `;
    return `  ${paint.caution('!')} ${whose}${printable(message)}`;
  });
}

function nearMissLines(
  { policy, file, line, clauses }: NearMiss,
  explained: ExplainedDecision,
  paint: Paint,
): string[] {
  const held = clauses.filter(({ holds }) => holds === true).length;
  const rows = clauses.map((clause) => ({ clause, words: clauseWords(clause, explained) }));
  const width = Math.min(48, Math.max(...rows.map(({ words }) => words.text.length)));
  return [
    `  Closest  ${strong(paint, policy)}   ${place(file, line)}   ${held} of ${clauses.length} conditions hold`,
    ...rows.map(({ clause, words }) =>
      `           ${mark(clause, paint)} ${words.text.padEnd(width)}   ${words.detail}`.trimEnd(),
    ),
  ];
}

function mark({ holds, error }: Clause, paint: Paint): string {
  if (error !== undefined) return paint.caution('!');
  if (holds === null) return paint.faint('·');
  return holds ? paint.good('✓') : paint.bad('✗');
}

/** The baseline's facts in words; anybody else's condition as it is written. */
function clauseWords(
  { text, attribute, holds, error }: Clause,
  { request, config }: ExplainedDecision,
): { text: string; detail: string } {
  const is = holds === true;
  switch (attribute) {
    case 'is_allowlisted_tool':
      return { text: is ? 'tool is allowlisted' : 'tool is not allowlisted', detail: printable(request.tool) };
    case 'is_allowlisted_skill':
      return { text: is ? 'skill is allowlisted' : 'skill is not allowlisted', detail: printable(request.skill) };
    case 'is_tool_execute_principal_allowed':
      return { text: 'principal may run tools', detail: gateWords(request.principal, config.principalGate, is) };
    case 'is_tool_execute_channel_allowed':
      return { text: 'channel may run tools', detail: gateWords(request.channel, config.channelGate, is) };
    default:
      return {
        text: printable(text),
        detail: error !== undefined ? printable(error) : holds === null ? 'not reached' : '',
      };
  }
}

function gateWords(name: string, gate: Gate, passes: boolean): string {
  const shown = name === '' ? 'none is named' : printable(name);
  if (passes) return gate === 'any' ? `${shown} (any may)` : shown;
  const names = gate === 'any' ? [] : [...gate].sort();
  const listed = names.slice(0, 5).map((one) => printable(one));
  return `${shown} is not in {${[...listed, ...(names.length > 5 ? ['…'] : [])].join(', ')}}`;
}

function changeLines(explained: ExplainedDecision, forbids: readonly string[], configPath: string): string[] {
  if (explained.smallestChange.length > 0) {
    return [
      `  Smallest change${explained.smallestChange.length > 1 ? ', all of it' : ''}`,
      ...explained.smallestChange.map((grant) => `           ${grantSteps(explained, grant, configPath)}`),
    ];
  }
  const own = forbids.filter((id) => id !== 'deny_sensitive_without_approval');
  if (own.length > 0)
    return [`  No grant changes this: ${own.map((id) => printable(id)).join(', ')} forbids it whatever is granted`];
  return ['  No grant changes this: a policy has to permit it (policy.paths)'];
}

function thenLines({ afterwards: { posture, skill } }: ExplainedDecision): string[] {
  return [
    ...(posture === undefined ? [] : postureWords(posture)),
    ...(skill === undefined ? [] : [`${printable(skill)}, so it is not run`]),
  ].map((words) => `  Then     ${words}`);
}

function postureWords({ tool, state, why }: Posture): string[] {
  if (state === 'disabled') return [`${printable(tool)} is disabled: ${printable(why)}`];
  return state === 'ask_each_time' ? [`${printable(tool)} is ask_each_time, so an approval would be asked`] : [];
}

function strong(paint: Paint, id: string): string {
  return paint.strong(printable(id));
}

function place(file: string, line: number): string {
  return `${printable(file)}:${line}`;
}

/** A text as TOML has it, and as a terminal may show it. */
function quoted(text: string): string {
  return [...JSON.stringify(text)]
    .map((one) => (one === '\\' || countHostile(one) === 0 ? one : `\\U${toHex(one).padStart(8, '0')}`))
    .join('');
}

function toHex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16);
}
