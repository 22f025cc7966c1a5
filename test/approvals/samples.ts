import { type Approval, newApproval } from '../../src/approvals/approval.ts';
import { type ApprovalBook, approvalsShape } from '../../src/approvals/book.ts';
import {
  type ExecutionContext,
  type Proposal,
  type SealedProposal,
  sealProposal,
  variablesSha256,
} from '../../src/approvals/proposal.ts';

export const NOW = 1_800_000_000_000;
export const EMPTY: ApprovalBook = approvalsShape.empty();

export const PUSH: ExecutionContext = {
  tier: 'c',
  executor: 'bubblewrap',
  egress: 'strict',
  hosts: ['git.example.org'],
  cwd: '/srv/demo',
  argv: ['git', 'push', '--force', 'main'],
  executable: '/usr/bin/git',
  env_names: ['HOME', 'PATH'],
  env_sha256: variablesSha256({}),
  limits: { timeout_ms: 30_000, memory_limit_bytes: 1_073_741_824 },
  workspace: '/srv/demo',
  stdin: 'null',
  tty: false,
  allow_root: false,
};

/** A command that an agent wants to run. */
export function proposeRun(
  change: Partial<ExecutionContext> = {},
  context: Proposal['request']['context'] = {},
): Proposal {
  return {
    request: {
      principal: 'user:ops',
      action: 'tool.execute',
      resource: 'tool:palyra.process.run',
      context: { session_id: 'session-1', run_id: 'run-1', channel: 'cli', device_id: 'laptop', ...context },
    },
    payload: Buffer.from('{"argv":["git","push","--force","main"]}'),
    summary: 'publishing the fix',
    execution: { ...PUSH, ...change },
  };
}

/** A call of a tool that palyra does not run itself. */
export function proposeCall(
  tool: string,
  context: Proposal['request']['context'] = {},
  principal = 'user:ops',
): Proposal {
  return {
    request: {
      principal,
      action: 'tool.execute',
      resource: `tool:${tool}`,
      context: { session_id: 'session-1', ...context },
    },
    payload: Buffer.from('{"url":"https://example.org"}'),
    summary: '',
  };
}

export function seal(proposal: Proposal, policyHash = 'p'.repeat(64)): SealedProposal {
  return sealProposal(proposal, policyHash);
}

/** A pending approval of a call, asked for at NOW and open for 15 minutes. */
export function pendingOf(call: SealedProposal, approvalId = '01J00000000000000000000000'): Approval {
  return newApproval(call, {
    approvalId,
    requestedBy: 'user:ops',
    now: NOW,
    timeoutMs: 900_000,
    why: 'it is ask_each_time',
    evaluation: 'allow: policy.allow',
    payloadBytes: 40,
  });
}
