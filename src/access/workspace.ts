import { PalyraError } from '../errors.ts';
import { findById } from '../ids.ts';
import { count, didYouMean } from '../text.ts';
import type { Acting } from './actor.ts';
import type { Membership, Registry, Team, Workspace } from './registry.ts';

/** Who acts, and when. Ids hold time and chance, so they are made outside. */
export interface Act {
  readonly acting: Acting;
  readonly now: number;
  /** a new ULID each time */
  readonly newId: () => string;
}

/** What a person says of a workspace that they make; both are names, checked before. */
export interface NewWorkspace {
  readonly name: string;
  /** the team that it belongs to, made if there is none of that slug; without one it gets a team of its own name */
  readonly team?: string | undefined;
}

export interface MadeWorkspace {
  readonly registry: Registry;
  readonly workspace: Workspace;
  readonly team: Team;
  /** of whoever made it, as owner */
  readonly membership: Membership;
}

/**
 * The registry with one workspace more, its team, and whoever made it as owner.
 * @throws PalyraError store.conflict if the slug is taken: commands name workspaces by it
 */
export function makeWorkspace(
  registry: Registry,
  { name, team: teamName = name }: NewWorkspace,
  act: Act,
): MadeWorkspace {
  const id = act.newId();
  const slug = slugOf(name, id);
  const taken = registry.workspaces.find((workspace) => workspace.slug === slug);
  if (taken !== undefined) {
    throw new PalyraError('store.conflict', `there is a workspace ${slug} already`, {
      why: `it is ${taken.display_name} (${taken.workspace_id})`,
      hint: 'give another name   palyra workspaces list',
    });
  }
  const team = findTeam(registry, teamName) ?? makeTeam(teamName, act);
  const stamp = {
    created_by_principal: act.acting.principal,
    created_at_unix_ms: act.now,
    updated_at_unix_ms: act.now,
  };
  const workspace: Workspace = {
    workspace_id: id,
    team_id: team.team_id,
    slug,
    display_name: name,
    ...runtimeOf(id),
    ...stamp,
  };
  const membership: Membership = {
    membership_id: act.newId(),
    workspace_id: id,
    principal: act.acting.principal,
    role: 'owner',
    ...stamp,
  };
  return {
    workspace,
    team,
    membership,
    registry: {
      ...registry,
      teams: registry.teams.includes(team) ? registry.teams : [...registry.teams, team],
      workspaces: [...registry.workspaces, workspace],
      memberships: [...registry.memberships, membership],
    },
  };
}

/** ASCII letters and digits in lower case, whatever is between them as one `-`; a lower-case id if nothing is left. */
export function slugOf(name: string, id: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return slug === '' ? id.toLowerCase() : slug;
}

/** What runs for a workspace, by its id. */
export function runtimeOf(workspaceId: string) {
  return { runtime_principal: `workspace:${workspaceId}`, runtime_device_id: workspaceId };
}

/**
 * The workspace that an operator names by its slug or its id; without a name, the only one that there is.
 * @throws PalyraError usage.invalid, usage.secret_argument, store.not_found
 */
export function findWorkspace({ workspaces }: Registry, named: string | undefined): Workspace {
  if (named === undefined) return onlyWorkspace(workspaces);
  const bySlug = workspaces.filter(({ slug }) => slug === named.toLowerCase());
  const [first] = bySlug;
  if (first !== undefined && bySlug.length === 1) return first;
  if (bySlug.length > 1) {
    throw new PalyraError('usage.invalid', `${named} means ${count(bySlug.length, 'workspace')}`, {
      why: bySlug.map(({ workspace_id }) => workspace_id).join(', '),
      hint: 'give the whole id',
    });
  }
  try {
    return findById(workspaces, ({ workspace_id }) => workspace_id, named, 'workspace', 'palyra workspaces list');
  } catch (error) {
    if (!(error instanceof PalyraError) || error.code === 'usage.secret_argument') throw error;
    if (error.code === 'usage.invalid' && error.why !== undefined) throw error;
    throw unknownWorkspace(named, workspaces);
  }
}

function onlyWorkspace(workspaces: readonly Workspace[]): Workspace {
  const [only, ...others] = workspaces;
  if (only === undefined) {
    throw new PalyraError('store.not_found', 'there is no workspace yet', { hint: 'palyra workspaces create NAME' });
  }
  if (others.length === 0) return only;
  throw new PalyraError('usage.invalid', `there are ${workspaces.length} workspaces: say which`, {
    why: workspaces
      .slice(0, 10)
      .map(({ slug }) => slug)
      .join(', '),
    hint: `--workspace ${only.slug}`,
  });
}

function unknownWorkspace(named: string, workspaces: readonly Workspace[]): PalyraError {
  const slugs = workspaces.map(({ slug }) => slug);
  return new PalyraError('store.not_found', `no workspace ${named.slice(0, 60)}`, {
    hint: didYouMean(named, slugs, 'palyra workspaces list'),
  });
}

function findTeam({ teams }: Registry, name: string): Team | undefined {
  const slug = slugOf(name, '');
  return slug === '' ? undefined : teams.find((team) => team.slug === slug);
}

function makeTeam(name: string, { acting, now, newId }: Act): Team {
  const id = newId();
  return {
    team_id: id,
    slug: slugOf(name, id),
    display_name: name,
    created_by_principal: acting.principal,
    created_at_unix_ms: now,
    updated_at_unix_ms: now,
  };
}
