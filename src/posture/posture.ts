import { findTool, requiresApproval } from '../policy/catalog.ts';

/** How a tool is treated before policy is asked. */
export type PostureState = 'always_allow' | 'ask_each_time' | 'disabled';

/** The posture of one tool, and what decided it. */
export interface Posture {
  readonly tool: string;
  readonly state: PostureState;
  readonly source: 'default' | 'locked';
  readonly why: string;
}

/** What locks a tool, whatever anybody sets. */
export interface PostureGrounds {
  readonly isAllowlisted: boolean;
  readonly processRunnerEnabled: boolean;
}

/** The posture of a tool when nobody has set one: a locked tool is disabled, one that needs approval is asked for. */
export function defaultPosture(tool: string, grounds: PostureGrounds): Posture {
  const lock = lockOf(tool, grounds);
  if (lock !== undefined) return { tool, state: 'disabled', source: 'locked', why: lock };
  if (!requiresApproval(tool))
    return { tool, state: 'always_allow', source: 'default', why: 'the catalog calls it harmless' };
  const why = findTool(tool) === undefined ? 'the tool is not in the catalog' : 'the catalog calls it sensitive';
  return { tool, state: 'ask_each_time', source: 'default', why };
}

function lockOf(tool: string, { isAllowlisted, processRunnerEnabled }: PostureGrounds): string | undefined {
  if (!isAllowlisted) return 'not in tool_call.allowed_tools';
  if (tool === 'palyra.process.run' && !processRunnerEnabled) return 'tool_call.process_runner.enabled is false';
  return undefined;
}
