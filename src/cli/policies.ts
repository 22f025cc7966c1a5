import { join } from 'node:path';
import type { CheckDesk } from '../flows/check-policy.ts';
import type { Cli } from './cli.ts';

/** Cedar, the configuration and the policies in force, with a warning for what of a project's files is ignored. */
export async function openCheckDesk(
  cli: Cli,
  given: readonly string[],
  { baseline = true }: { readonly baseline?: boolean } = {},
): Promise<CheckDesk> {
  const { openPolicies } = await import('../flows/open-policies.ts');
  const [files, cedar, config] = await Promise.all([cli.world.files(), cli.world.cedar(), cli.config()]);
  const places = { baseline: baseline ? baselineOf(cli) : undefined, given, configured: config.policyPaths };
  const inForce = openPolicies({ files, cedar }, places);
  for (const { id, file, line } of inForce.ignored) {
    cli.output.warn(`${file}:${line}: ${id} is ignored: a project's policies may only forbid`);
  }
  return { cedar, inForce, config };
}

/** The baseline of the installed package. */
export function baselineOf(cli: Cli): { readonly path: string; readonly shown: string } {
  return { path: join(cli.world.packageFolder, 'policies/baseline.cedar'), shown: 'policies/baseline.cedar' };
}

/** The schema of the gate's own requests. */
export function gateSchemaOf(cli: Cli): string {
  return join(cli.world.packageFolder, 'policies/palyra.cedarschema');
}
