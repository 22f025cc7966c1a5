import { PalyraError } from '../errors.ts';
import type { Actor } from '../journal/entry.ts';
import { parseName } from './name.ts';
import { requirePermission } from './permission.ts';
import type { ApiToken, Registry } from './registry.ts';
import { authenticateToken, type InvalidReason } from './token.ts';

/** Who a process is, and who it says it acts for. */
export interface Claim {
  /** login name of the process's uid */
  readonly login: string;
  readonly uid: number;
  readonly pid: number;
  readonly host: string;
  /** `--as` */
  readonly as?: string | undefined;
  /** the secret of PALYRA_TOKEN, which authenticates its principal in the place of the login */
  readonly secret?: string | undefined;
}

/** Who acts: whose rights count, and what the journal says of it. */
export interface Acting {
  readonly principal: string;
  readonly actor: Actor;
  /** what was authenticated by: its scopes are the most that may be done */
  readonly token: ApiToken | null;
}

/** Who somebody is: as they were authenticated, and whom they act for. */
export function namesOf({ principal, actor }: Acting): readonly string[] {
  return [principal, actor.principal];
}

/** Somebody, or a token that authenticates nobody; the journal learns why. */
export type Identified = Acting | { readonly invalid: InvalidReason; readonly token?: ApiToken; readonly actor: Actor };

/**
 * Who acts, by what the registry says now.
 * @throws PalyraError usage.invalid (`--as`, an empty secret), access.forbidden
 */
export function identify(registry: Registry, claim: Claim, now: number): Identified {
  const { login, uid, pid, host, secret } = claim;
  if (secret === '') {
    // a variable that was never filled must not turn a script's few rights into all of the login's
    throw new PalyraError('usage.invalid', 'PALYRA_TOKEN is set, but empty', {
      hint: 'fill it, or: unset PALYRA_TOKEN',
    });
  }
  const operator: Actor = { principal: `user:${login}`, uid, pid, host };
  if (secret === undefined)
    return actFor(registry, { principal: operator.principal, actor: operator, token: null }, claim);
  const authenticated = authenticateToken(registry, secret, now);
  if ('invalid' in authenticated) return { ...authenticated, actor: operator };
  const { token } = authenticated;
  const actor = { ...operator, principal: token.principal };
  return actFor(registry, { principal: token.principal, actor, token }, claim);
}

function actFor(registry: Registry, self: Acting, { as }: Claim): Acting {
  if (as === undefined) return self;
  const principal = parseName(as, '--as');
  if (principal === self.principal) return self;
  requirePermission(registry, self, 'trust.operate');
  return { ...self, principal, actor: { ...self.actor, as: principal } };
}
