import { type Approval, isAllowed, stateOf } from '../approvals/approval.ts';
import { findTool } from '../policy/catalog.ts';

/** A tool that was always allowed of late, and whom that is told. */
export interface Recommendation {
  readonly tool: string;
  readonly approvals: number;
}

const SPAN_MS = 14 * 86_400_000;
const ENOUGH = 5;

/** Tools that the catalog calls safe to recommend, with at least 5 approvals and no denial in 14 days. */
export function recommendTools(approvals: readonly Approval[], now: number): Recommendation[] {
  const lately = approvals.filter(({ requested_at_unix_ms: asked }) => asked > now - SPAN_MS);
  const tools = new Set(lately.map(({ tool_name }) => tool_name ?? ''));
  return [...tools].sort().flatMap((tool) => {
    if (findTool(tool)?.recommend_always_allow !== true) return [];
    const states = lately.filter((approval) => approval.tool_name === tool).map((approval) => stateOf(approval, now));
    const allowed = states.filter(isAllowed).length;
    return allowed < ENOUGH || states.includes('denied') ? [] : [{ tool, approvals: allowed }];
  });
}
