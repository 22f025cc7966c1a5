import type { Registry } from '../access/registry.ts';
import { findWorkspace } from '../access/workspace.ts';
import type { Cli } from './cli.ts';

/**
 * Records of one workspace or of all, each with the slug of its own.
 * @param named a slug or id; undefined: all of them
 * @throws PalyraError store.not_found, usage.invalid
 */
export async function readOfWorkspace<T extends { readonly workspace_id: string }>(
  cli: Cli,
  named: string | undefined,
  pick: (registry: Registry) => readonly T[],
): Promise<(T & { readonly workspace: string })[]> {
  const { registry } = await (await cli.store()).read('registry');
  const only = named === undefined ? undefined : findWorkspace(registry, named);
  const slugOf = new Map(registry.workspaces.map(({ workspace_id, slug }) => [workspace_id, slug]));
  return pick(registry)
    .filter(({ workspace_id }) => only === undefined || workspace_id === only.workspace_id)
    .map((one) => ({ ...one, workspace: slugOf.get(one.workspace_id) ?? '' }));
}
