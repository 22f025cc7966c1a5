import { canonicalJson } from '../canonical.ts';
import { type NormalizedRequest, normalizeRequest, type PolicyRequest } from '../policy/request.ts';
import { type Checked, list, oneOf, optional, record, text, truth, whole } from '../schema.ts';
import { sha256 } from '../sha256.ts';
import { compareText } from '../text.ts';

/** Limits by the names of palyra.toml, e.g. `timeout_ms`. */
export const limitsShape = (value: unknown, at: string): Readonly<Record<string, number>> => {
  for (const [name, limit] of Object.entries(record({})(value, at))) whole(limit, `${at}.${name}`);
  return value as Readonly<Record<string, number>>;
};

/**
 * How a command would run, in the words of the file: an approval keeps it as it is. What is optional was not written by
 * older versions.
 */
export const executionContext = record({
  tier: oneOf('b', 'c'),
  executor: text,
  egress: oneOf('none', 'preflight', 'strict'),
  hosts: list(text),
  /** absolute */
  cwd: text,
  argv: list(text),
  /** what argv[0] resolved to, absolute */
  executable: text,
  /** names only: values may be secrets */
  env_names: list(text),
  /** of the variables that were named, with their values: `variablesSha256` */
  env_sha256: optional(text),
  limits: limitsShape,
  workspace: optional(text),
  stdin: optional(oneOf('null', 'pipe')),
  tty: optional(truth),
  allow_root: optional(truth),
});

export type ExecutionContext = Checked<typeof executionContext>;

/** A tool call that somebody wants to make. */
export interface Proposal {
  readonly request: PolicyRequest;
  /** the call's input, byte for byte */
  readonly payload: Uint8Array;
  /** what the asking program says about it: shown as such, never believed; at most 1 KiB */
  readonly summary: string;
  /** only for a command that palyra itself would run */
  readonly execution?: ExecutionContext;
  /** why a person has to look at it whatever its posture: it wants more than the configuration gives */
  readonly asks?: string;
}

/** A proposal under the policies in force, with the digest of everything that an approval of it binds. */
export interface SealedProposal {
  readonly request: NormalizedRequest;
  readonly payloadSha256: string;
  readonly summary: string;
  readonly execution?: ExecutionContext;
  readonly asks?: string;
  readonly policyHash: string;
  readonly requestSha256: string;
}

/**
 * Bind a proposal to the policies in force.
 * @throws PalyraError input.invalid for a request that contradicts itself, or holds half a surrogate pair
 */
export function sealProposal(
  { request, payload, summary, execution, asks }: Proposal,
  policyHash: string,
): SealedProposal {
  const bound: BoundParts = {
    request: normalizeRequest(request),
    payloadSha256: sha256(payload),
    summary,
    ...(execution === undefined ? {} : { execution }),
    ...(asks === undefined ? {} : { asks }),
    policyHash,
  };
  return { ...bound, requestSha256: requestDigest(bound) };
}

/** The digest that stands for variables and their values, which may be secrets. */
export function variablesSha256(variables: Readonly<Record<string, string>>): string {
  return sha256(`palyra.variables/1\n${canonicalJson(variables)}`);
}

/** The policies and the configuration that a decision rests on, as one digest. Order and files make no difference. */
export function policyHashOf(
  policies: readonly { readonly id: string; readonly text: string }[],
  config: unknown,
): string {
  const texts = policies.map(({ id, text }) => [id, text]).sort(([a = ''], [b = '']) => compareText(a, b));
  return sha256(`palyra.policy/1\n${canonicalJson({ policies: texts, config })}`);
}

type BoundParts = Omit<SealedProposal, 'requestSha256'>;

/** The one place that lists what an approval binds. A field that is not here can change after the operator looked. */
function requestDigest({ request, payloadSha256, summary, execution, policyHash }: BoundParts): string {
  const bound = {
    principal: request.principal,
    action: request.action,
    resource: request.resource,
    tool: request.tool,
    skill: request.skill,
    device_id: request.deviceId,
    channel: request.channel,
    session_id: request.sessionId,
    run_id: request.runId,
    capabilities: request.capabilities,
    payload_sha256: payloadSha256,
    summary,
    execution: execution && {
      tier: execution.tier,
      executor: execution.executor,
      egress: execution.egress,
      hosts: execution.hosts,
      cwd: execution.cwd,
      argv: execution.argv,
      executable: execution.executable,
      env_names: execution.env_names,
      env_sha256: execution.env_sha256,
      limits: execution.limits,
      workspace: execution.workspace,
      stdin: execution.stdin,
      tty: execution.tty,
      allow_root: execution.allow_root,
    },
    policy_hash: policyHash,
  };
  return sha256(`palyra.request/1\n${canonicalJson(bound)}`);
}
