import { join } from 'node:path';
import { PalyraError } from '../errors.ts';
import type { CheckDesk, PostureView } from '../flows/policy/check-policy.ts';
import { postureShape } from '../posture/registry.ts';
import { type Cli, stateRoot } from './cli.ts';

/** Cedar, the configuration and the policies in force, with a warning for what of a project's files is ignored. */
export async function openCheckDesk(
  cli: Cli,
  given: readonly string[],
  { baseline = true }: { readonly baseline?: boolean } = {},
): Promise<CheckDesk> {
  const { openPolicies } = await import('../flows/policy/open-policies.ts');
  const [files, cedar, config] = await Promise.all([cli.world.files(), cli.world.cedar(), cli.config()]);
  const places = { baseline: baseline ? baselineOf(cli) : undefined, given, configured: config.policyPaths };
  const inForce = openPolicies({ files, cedar }, places);
  for (const { id, file, line } of inForce.ignored) {
    cli.output.warn(`${file}:${line}: ${id} is ignored: a project's policies may only forbid`);
  }
  warnOfEmpty(cli, inForce.empty);
  return { cedar, inForce, config };
}

/** A file that was emptied by mistake forbids nothing any more. */
export function warnOfEmpty(cli: Cli, empty: readonly string[]): void {
  for (const file of empty) if (file !== '/dev/null') cli.output.warn(`${file} holds no policy`);
}

/** What was set of postures; the state is opened only if there is something in it. */
export async function openPostures(cli: Cli): Promise<PostureView> {
  const now = cli.world.clock();
  const files = await cli.world.files();
  const path = join(stateRoot(cli), postureShape.name);
  if (!files.isSame(path, path)) return { postures: postureShape.empty(), workspacesOf: () => [], now };
  try {
    const { workspacesOf } = await import('../flows/open-gate.ts');
    const { posture, registry } = await (await cli.store()).read('posture', 'registry');
    return { postures: posture, workspacesOf: (principal) => workspacesOf(registry, principal), now };
  } catch (error) {
    if (!(error instanceof PalyraError) || error.code !== 'store.unsafe') throw error;
    cli.output.warn(error.message, error.hint);
    return { postures: 'unreadable', workspacesOf: () => [], now };
  }
}

/** The baseline of the installed package. */
export function baselineOf(cli: Cli): { readonly path: string; readonly shown: string } {
  return { path: join(cli.world.packageFolder, 'policies/baseline.cedar'), shown: 'policies/baseline.cedar' };
}

/** The schema of the gate's own requests. */
export function gateSchemaOf(cli: Cli): string {
  return join(cli.world.packageFolder, 'policies/palyra.cedarschema');
}
