import { openGate } from '../flows/open-gate.ts';
import type { GateDesk } from '../flows/request-approval.ts';
import { type Cli, openDesk } from './cli.ts';
import { openCheckDesk } from './policies.ts';

/** What a call is taken through the gate with: the state, and the policies in force. */
export async function openGateDesk(cli: Cli): Promise<GateDesk> {
  const [desk, policies] = await Promise.all([openDesk(cli), openCheckDesk(cli, [])]);
  return { ...desk, gate: openGate(policies) };
}
