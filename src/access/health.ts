import type { Finding } from '../finding.ts';
import { shortId } from '../ids.ts';
import { count } from '../text.ts';
import { rfc3339 } from '../time.ts';
import { isOn } from './flag.ts';
import { type FeatureFlag, type Membership, type Registry, registryShape } from './registry.ts';
import { isExpired, isRevoked } from './token.ts';
import { runtimeOf } from './workspace.ts';

/** What is odd about a registry, though its shape is right. */
export function examineRegistry(registry: Registry, now: number): Finding[] {
  return [
    ...missingFlags(registry).map(({ key }) =>
      fixable('registry.flag_missing', `the flag ${key} is missing`, 'what it gates stays off'),
    ),
    ...registry.feature_flags.flatMap((flag) => examineDependencies(registry, flag)),
    ...registry.workspaces
      .filter((workspace) => !workspace.runtime_principal || !workspace.runtime_device_id)
      .map(({ slug }) =>
        fixable('registry.workspace_unbound', `workspace ${slug} has no runtime binding`, 'nothing can run for it'),
      ),
    ...orphans(registry, registry.memberships).map(({ principal, workspace_id: id }) =>
      fixable('registry.membership_orphaned', `${principal} is a member of ${shortId(id)}, which is gone`, GONE),
    ),
    ...orphans(registry, registry.invitations).map(({ invited_identity: identity, workspace_id: id }) =>
      fixable('registry.invitation_orphaned', `${identity} is invited to ${shortId(id)}, which is gone`, GONE),
    ),
    ...duplicates(registry).flatMap((same) => examineDuplicates(registry, same)),
    ...examineOwners(registry),
    ...examineTokens(registry, now),
  ];
}

const GONE = 'it gives no right to anything; such records are only in the way';

/** The registry with everything repaired that can be without giving or taking a right. */
export function repairRegistry(registry: Registry): Registry {
  const gone = new Set([...orphans(registry, registry.memberships), ...orphans(registry, registry.invitations)]);
  const surplus = new Set(duplicates(registry).flatMap((same) => (isOneRole(same) ? same.slice(1) : [])));
  return {
    ...registry,
    feature_flags: [...registry.feature_flags, ...missingFlags(registry)],
    workspaces: registry.workspaces.map((workspace) => {
      if (workspace.runtime_principal && workspace.runtime_device_id) return workspace;
      const { runtime_principal, runtime_device_id } = runtimeOf(workspace.workspace_id);
      return {
        ...workspace,
        runtime_principal: workspace.runtime_principal || runtime_principal,
        runtime_device_id: workspace.runtime_device_id || runtime_device_id,
      };
    }),
    memberships: registry.memberships.filter((one) => !gone.has(one) && !surplus.has(one)),
    invitations: registry.invitations.filter((one) => !gone.has(one)),
  };
}

function missingFlags({ feature_flags: flags }: Registry): FeatureFlag[] {
  return registryShape
    .empty()
    .feature_flags.filter(({ key }) => !flags.some((flag) => flag.key === key))
    .map((flag) => ({ ...flag, enabled: false }));
}

/** As a registry begins, routines_automation is on and staged_rollout off: what nobody touched is nobody's mistake. */
function examineDependencies(
  registry: Registry,
  { key, enabled, depends_on, updated_at_unix_ms: at }: FeatureFlag,
): Finding[] {
  const off = enabled ? depends_on.filter((other) => !isOn(registry, other)) : [];
  if (off.length === 0 || at === 0) return [];
  return [
    {
      code: 'registry.flag_dependency_off',
      isWrong: true,
      what: `the flag ${key} is on, but ${off.join(', ')} is off`,
      why: `${key} depends on it, and does not work without it`,
      remedy: `palyra flags enable ${off[0]}   or: palyra flags disable ${key}`,
      isFixable: false,
    },
  ];
}

function orphans<T extends { readonly workspace_id: string }>({ workspaces }: Registry, records: readonly T[]): T[] {
  const known = new Set(workspaces.map(({ workspace_id }) => workspace_id));
  return records.filter(({ workspace_id }) => !known.has(workspace_id));
}

/** The memberships of one principal in one workspace, where there is more than one. */
function duplicates({ memberships }: Registry): Membership[][] {
  const byMember = new Map<string, Membership[]>();
  for (const one of memberships) {
    const key = JSON.stringify([one.workspace_id, one.principal]);
    byMember.set(key, [...(byMember.get(key) ?? []), one]);
  }
  return [...byMember.values()].filter(({ length }) => length > 1);
}

function isOneRole(same: readonly Membership[]): boolean {
  return new Set(same.map(({ role }) => role)).size === 1;
}

function examineDuplicates({ workspaces }: Registry, same: readonly Membership[]): Finding[] {
  const [first] = same;
  const workspace = workspaces.find(({ workspace_id }) => workspace_id === first?.workspace_id);
  if (first === undefined || workspace === undefined) return [];
  const what = `${first.principal} is ${count(same.length, 'time', 'times')} a member of ${workspace.slug}`;
  const roles = [...new Set(same.map(({ role }) => role))];
  if (roles.length === 1) return [fixable('registry.membership_duplicate', what, `each time as ${first.role}`)];
  return [
    {
      code: 'registry.membership_duplicate',
      isWrong: true,
      what,
      why: `as ${roles.join(' and ')}: only you know which is meant`,
      remedy: `palyra members set-role ${first.principal} ROLE --workspace ${workspace.slug}`,
      isFixable: false,
    },
  ];
}

function examineOwners(registry: Registry): Finding[] {
  const { workspaces, memberships } = registry;
  const [root] = workspaces;
  const isOwned = memberships.some(({ workspace_id: id, role }) => id === root?.workspace_id && role === 'owner');
  if (!isOn(registry, 'rbac') || isOwned) return [];
  return [
    {
      code: 'registry.nobody_owns_root',
      isWrong: true,
      what: 'rbac is on, but nobody owns the first workspace',
      why: 'so nobody may change flags, not even switch rbac off',
      remedy: 'put back the newest copy of access_registry.json in which somebody did',
      isFixable: false,
    },
  ];
}

function examineTokens({ api_tokens: tokens }: Registry, now: number): Finding[] {
  const found: Finding[] = [];
  for (const token of tokens) {
    const { token_id: id, label, scopes, expires_at_unix_ms: expiresAt } = token;
    if (isRevoked(token)) continue;
    if (isExpired(token, now)) {
      found.push({
        code: 'registry.token_expired',
        isWrong: false,
        what: `token ${shortId(id)} ${label} has expired`,
        why: `${rfc3339(expiresAt ?? now)}; it is refused since`,
        remedy: `palyra tokens revoke ${id}`,
        isFixable: false,
      });
    } else if (scopes.length === 0) {
      found.push({
        code: 'registry.token_without_scopes',
        isWrong: true,
        what: `token ${shortId(id)} ${label} has no scopes`,
        why: 'it can do nothing, and is never given more by itself',
        remedy: `palyra tokens revoke ${id}   then palyra tokens mint`,
        isFixable: false,
      });
    }
  }
  if (tokens.length > MANY) {
    found.push({
      code: 'registry.large',
      isWrong: false,
      what: `the registry holds ${tokens.length} tokens`,
      why: 'it is read and written whole, so each change takes longer the more there are',
      remedy: 'palyra tokens list   shows which can go; beyond 100000 a database is needed',
      isFixable: false,
    });
  }
  return found;
}

/** a change takes some 40 ms there */
const MANY = 5000;

function fixable(code: string, what: string, why: string): Finding {
  return { code, isWrong: true, what, why, remedy: 'palyra doctor --fix', isFixable: true };
}
