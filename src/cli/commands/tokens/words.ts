import type { ApiToken } from '../../../access/registry.ts';
import { permissionsOf } from '../../../access/role.ts';
import type { IssuingDesk } from '../../../flows/access/issue-token.ts';
import { printable } from '../../../text.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, openDesk, stateRoot } from '../../cli.ts';

export async function openIssuingDesk(cli: Cli): Promise<IssuingDesk> {
  return { ...(await openDesk(cli)), rates: await cli.world.rates(stateRoot(cli)) };
}

/** `user:ops, scopes compat.chat.create, 120/min, expires 2026-12-22 (in 30 days)` */
export function rightsInWords(token: ApiToken, now: number): string {
  const { principal, rate_limit_per_minute } = token;
  const limit = `${rate_limit_per_minute}/min`;
  return `${printable(principal)}, scopes ${scopesInWords(token)}, ${limit}, ${expiryInWords(token, now)}`;
}

/** All of them, unless that is what the role says. */
function scopesInWords({ scopes, role }: ApiToken): string {
  const usual = permissionsOf(role);
  const isUsual = scopes.length === usual.length && usual.every((scope) => scopes.includes(scope));
  return isUsual ? `all ${usual.length} of ${role}` : printable(scopes.join(' '));
}

/** `never expires`, `expires 2026-12-22 (in 30 days)`, `expired 2026-12-22 (3 days ago)` */
export function expiryInWords({ expires_at_unix_ms }: Pick<ApiToken, 'expires_at_unix_ms'>, now: number): string {
  if (typeof expires_at_unix_ms !== 'number') return 'never expires';
  return `${expires_at_unix_ms > now ? 'expires' : 'expired'} ${momentInWords(expires_at_unix_ms, now)}`;
}

/** `2026-12-22 (in 30 days)` */
export function momentInWords(unixMs: number, now: number): string {
  return `${rfc3339(unixMs).slice(0, 10)} (${relative(unixMs, now)})`;
}
