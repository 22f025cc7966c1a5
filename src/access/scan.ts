import type { ApiToken, Invitation, Registry } from './registry.ts';
import { hasChecksum, hashSecret, shownPrefix } from './secret.ts';
import { isExpired, isRevoked } from './token.ts';

/** What looks like a secret, and in which line, from 1. */
export interface Sighting {
  readonly secret: string;
  readonly line: number;
}

/** A secret that was found, told without it. */
export interface FoundSecret {
  readonly kind: 'token' | 'invitation';
  readonly prefix: string;
  /** live: it opens something now. unknown: ours by its checksum, but not of this registry */
  readonly state: 'live' | 'revoked' | 'expired' | 'accepted' | 'unknown';
  readonly id: string | null;
  readonly label: string | null;
}

/** Looks through bytes that come in pieces, whatever they are, in bounded memory. */
export interface Scanner {
  readonly feed: (bytes: Uint8Array) => Sighting[];
  readonly end: () => Sighting[];
}

export function openScanner(): Scanner {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  return {
    feed(bytes) {
      const buffer = Buffer.concat([rest, bytes]);
      const settled = Math.max(0, buffer.length - LONGEST + 1);
      const seen = lookThrough(buffer, settled, line);
      line += countLines(buffer, settled);
      rest = Buffer.from(buffer.subarray(settled));
      return seen;
    },
    end() {
      const seen = lookThrough(rest, rest.length, line);
      rest = Buffer.alloc(0);
      return seen;
    },
  };
}

/** What is found is looked up by its hash. */
export function openLookup(registry: Registry, now: number): (sighting: Sighting) => FoundSecret | null {
  const tokens = new Map(registry.api_tokens.map((token) => [token.token_hash_sha256, token]));
  const invitations = new Map(registry.invitations.map((invitation) => [invitation.token_hash_sha256, invitation]));
  return ({ secret }) => {
    const hash = hashSecret(secret);
    if (secret.startsWith('palyrai_')) return ofInvitation(secret, invitations.get(hash), now);
    const token = tokens.get(hash);
    // the older form has no checksum: what this registry does not know may be any other word
    if (token === undefined && !hasChecksum('palyra_', secret)) return null;
    return ofToken(secret, token, now);
  };
}

const START = 'palyra';
/** an invitation's secret: no sighting is longer */
const LONGEST = 57;

/** The sightings that start before `until`. */
function lookThrough(buffer: Buffer, until: number, firstLine: number): Sighting[] {
  const seen: Sighting[] = [];
  for (let at = buffer.indexOf(START); at !== -1 && at < until; at = buffer.indexOf(START, at + 1)) {
    const secret = secretAt(buffer.toString('latin1', at, at + LONGEST));
    if (secret !== undefined) seen.push({ secret, line: firstLine + countLines(buffer, at) });
  }
  return seen;
}

function secretAt(text: string): string | undefined {
  if (hasChecksum('palyra_', text.slice(0, 56))) return text.slice(0, 56);
  if (hasChecksum('palyrai_', text)) return text;
  return /^palyra_[0-9A-Za-z_-]{32}/.exec(text)?.[0];
}

function countLines(buffer: Buffer, until: number): number {
  let lines = 0;
  for (let at = buffer.indexOf(LF); at !== -1 && at < until; at = buffer.indexOf(LF, at + 1)) lines++;
  return lines;
}

const LF = 0x0a;

function ofToken(secret: string, token: ApiToken | undefined, now: number): FoundSecret {
  const found = { kind: 'token', prefix: shownPrefix(secret) } as const;
  if (token === undefined) return { ...found, state: 'unknown', id: null, label: null };
  const state = isRevoked(token) ? 'revoked' : isExpired(token, now) ? 'expired' : 'live';
  return { ...found, state, id: token.token_id, label: token.label };
}

function ofInvitation(secret: string, invitation: Invitation | undefined, now: number): FoundSecret {
  const found = { kind: 'invitation', prefix: secret.slice(0, 'palyrai_'.length + 4) } as const;
  if (invitation === undefined) return { ...found, state: 'unknown', id: null, label: null };
  const { invitation_id: id, invited_identity: label, accepted_at_unix_ms, expires_at_unix_ms } = invitation;
  const isAccepted = typeof accepted_at_unix_ms === 'number';
  return { ...found, state: isAccepted ? 'accepted' : expires_at_unix_ms <= now ? 'expired' : 'live', id, label };
}
