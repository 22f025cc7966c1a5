import rows from '../../policies/tool-catalog.json' with { type: 'json' };

/** What is known of a tool before anybody configures it. Source: policies/tool-catalog.json. */
export interface CatalogTool {
  readonly tool: string;
  readonly capabilities: readonly string[];
  readonly default_sensitive: boolean;
  readonly requires_approval: boolean;
  readonly category?: string;
  readonly risk_level?: string;
  readonly recommend_always_allow?: boolean;
}

const CATALOG: ReadonlyMap<string, CatalogTool> = new Map(rows.map((row) => [row.tool, row]));

/** Capabilities that make any use of them sensitive. */
export const SENSITIVE_CAPABILITIES: readonly string[] = [
  'process_exec',
  'network',
  'secrets_read',
  'filesystem_read',
  'filesystem_write',
];

/** One tool of the catalog, or undefined. */
export function findTool(name: string): CatalogTool | undefined {
  return CATALOG.get(name);
}

/** The names of all tools of the catalog. */
export function toolNames(): string[] {
  return [...CATALOG.keys()];
}

/** Whether a person must approve the tool by default: an unknown one, a default-sensitive one, one with a sensitive capability. */
export function requiresApproval(name: string): boolean {
  const tool = CATALOG.get(name);
  if (tool === undefined) return true;
  return (
    tool.requires_approval ||
    tool.default_sensitive ||
    tool.capabilities.some((one) => SENSITIVE_CAPABILITIES.includes(one))
  );
}

/** An allowlist as the gate reads it: lower-case, with the other names of a tool, and what comes with palyra.process.run. */
export function expandAllowlist(names: readonly string[]): string[] {
  const expanded = new Set<string>();
  for (const name of names) {
    expanded.add(name);
    for (const alias of ALIASES[name] ?? []) expanded.add(alias);
  }
  return [...expanded].sort();
}

const ALIASES: Readonly<Record<string, readonly string[]>> = {
  'palyra.memory.session_search': ['palyra.session_search'],
  'palyra.session_search': ['palyra.memory.session_search'],
  'palyra.memory.retain': ['palyra.retain'],
  'palyra.retain': ['palyra.memory.retain'],
  'palyra.process.run': ['palyra.process.stop', 'palyra.process.status', 'palyra.process.list'],
};
