import type { ApiToken } from '../../../access/registry.ts';
import { shortId } from '../../../ids.ts';
import { printable } from '../../../text.ts';

/** The tokens that were revoked with a change, for people. */
export function revokedWords(revoked: readonly ApiToken[]): string[] {
  return revoked.map(({ token_id, label }) => `revoked with it: token ${shortId(token_id)} ${printable(label)}`);
}
