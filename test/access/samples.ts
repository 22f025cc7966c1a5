import type { Acting } from '../../src/access/actor.ts';
import { type ApiToken, type Membership, type Registry, type Role, registryShape } from '../../src/access/registry.ts';
import { type Act, runtimeOf } from '../../src/access/workspace.ts';
import { ulid } from '../../src/ids.ts';
import { tokenOf } from '../store/samples.ts';

export const NOW = 1_800_000_000_000;
export const OPS = '01JZZZZZZZZZZZZZZZZZZZZ0PS';

/** A registry with these flags on, and one workspace `ops` with these members. */
export function registryWith(
  members: Readonly<Record<string, Role>>,
  flags: readonly string[] = ['team_mode'],
): Registry {
  const stamp = { created_by_principal: 'user:ann', created_at_unix_ms: NOW, updated_at_unix_ms: NOW };
  const empty = registryShape.empty();
  return {
    ...empty,
    feature_flags: empty.feature_flags.map((flag) => ({ ...flag, enabled: flags.includes(flag.key) })),
    teams: [{ team_id: '01JZZZZZZZZZZZZZZZZZZZTEAM', slug: 'ops', display_name: 'Ops', ...stamp }],
    workspaces: [
      {
        workspace_id: OPS,
        team_id: '01JZZZZZZZZZZZZZZZZZZZTEAM',
        slug: 'ops',
        display_name: 'Ops',
        ...runtimeOf(OPS),
        ...stamp,
      },
    ],
    memberships: Object.entries(members).map(([principal, role], index): Membership => {
      return { membership_id: `01JZZZZZZZZZZZZZZZZZZZMEM${index}`, workspace_id: OPS, principal, role, ...stamp };
    }),
  };
}

export function actingAs(principal: string, token: ApiToken | null = null): Acting {
  return { principal, actor: { principal, uid: 1000, pid: 7, host: 'here' }, token };
}

/** An act of a principal at NOW; its ids count up. */
export function actOf(principal: string, token: ApiToken | null = null): Act {
  let made = 0;
  return { acting: actingAs(principal, token), now: NOW, newId: () => ulid(NOW, new Uint8Array(10).fill(++made)) };
}

/** A token of somebody for the workspace. */
export function tokenFor(principal: string, scopes: readonly string[], role: Role = 'operator'): ApiToken {
  return { ...tokenOf(`of ${principal}`, 1), principal, scopes, role, workspace_id: OPS };
}
