import type { Registry } from '../access/registry.ts';
import type { Approval } from '../approvals/approval.ts';
import { type ApprovalBook, countCall } from '../approvals/book.ts';
import { type Proposal, policyHashOf, type SealedProposal, sealProposal } from '../approvals/proposal.ts';
import { evaluationConfigOf } from '../policy/facts.ts';
import type { Postures } from '../posture/posture.ts';
import { type GateDecision, type GateRules, passGate } from './pass-gate.ts';
import type { CheckDesk } from './policy/check-policy.ts';

/** The state as the gate sees it, at one moment. */
export interface GateState {
  readonly approvals: ApprovalBook;
  readonly posture: Postures;
  readonly registry: Registry;
}

/** The gate under the policies in force. */
export interface Gate {
  readonly seal: (proposal: Proposal) => SealedProposal;
  readonly pass: (call: SealedProposal, state: GateState, now: number, approval?: Approval) => GateDecision;
  /** the book after a call was allowed: it counts towards its run's budget, where there is one */
  readonly count: (book: ApprovalBook, call: SealedProposal) => ApprovalBook;
}

/** Bind the gate to policies and configuration; both are read once. */
export function openGate({ inForce, config: { settings } }: Pick<CheckDesk, 'inForce' | 'config'>): Gate {
  const policyHash = policyHashOf(inForce.policies, settings);
  const rules = { settings, config: evaluationConfigOf(settings), evaluator: inForce };
  return {
    seal: (proposal) => sealProposal(proposal, policyHash),
    pass: (call, { approvals, posture, registry }, now, approval) => {
      const state: Pick<GateRules, 'postures' | 'workspaceIds' | 'book' | 'now'> = {
        postures: posture,
        workspaceIds: workspacesOf(registry, call.request.principal),
        book: approvals,
        now,
      };
      return passGate(call, { ...rules, ...state, ...(approval === undefined ? {} : { approval }) });
    },
    count: (book, { request }) => (settings.tool_call.max_calls_per_run === 0 ? book : countCall(book, request.runId)),
  };
}

/** Those that somebody is a member of, and the one whose runtime they are. */
export function workspacesOf({ memberships, workspaces }: Registry, principal: string): string[] {
  return [
    ...memberships.filter((member) => member.principal === principal).map(({ workspace_id }) => workspace_id),
    ...workspaces
      .filter(({ runtime_principal }) => runtime_principal === principal)
      .map(({ workspace_id }) => workspace_id),
  ];
}
