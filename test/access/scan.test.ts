import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openGitLog } from '../../src/access/git-log.ts';
import { openLookup, openScanner, type Sighting } from '../../src/access/scan.ts';
import { formSecret, hashSecret } from '../../src/access/secret.ts';
import { tokenOf } from '../store/samples.ts';
import { NOW, registryWith } from './people.ts';

const secret = formSecret('palyra_', new Uint8Array(32).fill(5));
const invitation = formSecret('palyrai_', new Uint8Array(32).fill(6));
const old = 'palyra_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_';

function scan(pieces: readonly Uint8Array[]): Sighting[] {
  const scanner = openScanner();
  return [...pieces.flatMap((piece) => scanner.feed(piece)), ...scanner.end()];
}

test('a secret is found wherever it stands, however the bytes come', () => {
  const noise = fc.array(fc.constantFrom('\n', 'palyra_', 'palyra', 'x', '"', '\0', secret.slice(0, 30), 'é'), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(noise, noise, fc.array(fc.nat(120), { maxLength: 8 }), (before, after, cuts) => {
      const text = `${before.join('')}${secret}${after.join('')}`;
      const bytes = Buffer.from(text);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const pieces = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
      const line = before.join('').split('\n').length;
      expect(scan(pieces)).toContainEqual({ secret, line });
      expect(scan(pieces)).toEqual(scan([bytes]));
    }),
  );
});

test('what only looks like a secret is not told', () => {
  const lookup = openLookup(registryWith([]), NOW);
  const changed = `${secret.slice(0, 20)}${secret.charAt(20) === 'a' ? 'b' : 'a'}${secret.slice(21)}`;
  const found = scan([Buffer.from(`${changed} ${old} palyra_state_root_of_this_test_run_long_name`)]).map(lookup);
  expect(found).toEqual([null, null, null]);
});

test('what is found is told without itself, and whether it is live', () => {
  const token = (fields: object) => ({ ...tokenOf('ci', 1), token_hash_sha256: hashSecret(secret), ...fields });
  const see = (fields: object) =>
    openLookup(registryWith([], { api_tokens: [token(fields)] }), NOW)({ secret, line: 1 });
  expect(see({})).toEqual({
    kind: 'token',
    prefix: secret.slice(0, 11),
    state: 'live',
    id: token({}).token_id,
    label: 'ci',
  });
  expect(see({ revoked_at_unix_ms: 1 })?.state).toBe('revoked');
  expect(see({ expires_at_unix_ms: NOW })?.state).toBe('expired');
  expect(openLookup(registryWith([]), NOW)({ secret, line: 1 })).toMatchObject({ state: 'unknown', id: null });
  const known = registryWith([], { api_tokens: [token({ token_hash_sha256: hashSecret(old) })] });
  expect(openLookup(known, NOW)({ secret: old, line: 1 })).toMatchObject({ state: 'live' });
  const invited = {
    invitation_id: 'i',
    workspace_id: 'w',
    invited_identity: 'bob@example.org',
    role: 'operator' as const,
    token_hash_sha256: hashSecret(invitation),
    issued_by_principal: 'user:ops',
    created_at_unix_ms: 1,
    expires_at_unix_ms: NOW + 1,
  };
  const lookup = openLookup(registryWith([], { invitations: [invited] }), NOW);
  expect(scan([Buffer.from(invitation)]).map(lookup)).toMatchObject([{ kind: 'invitation', state: 'live', id: 'i' }]);
});

test('in a git log what a commit adds and says is looked through, not what it takes away', () => {
  const log = [
    `\u0001${'a'.repeat(40)}`,
    ` rotate ${secret}`,
    ' +++ b/fake',
    ' @@ -1,9 +1,9 @@',
    '',
    'diff --git a/x b/x',
    '--- a/x',
    '+++ b/x',
    '@@ -3 +3,2 @@ context',
    `-${secret}`,
    '+++ b/looks like a header',
    `+${secret}`,
    '\\ No newline at end of file',
    '@@ -9,0 +11 @@',
    `+${secret}`,
    `\u0001${'b'.repeat(40)}`,
    '@@ -1,2 +0,0 @@',
    `-${secret}`,
    `-${secret}`,
    '',
  ].join('\n');
  const seen: unknown[] = [];
  const scanner = openGitLog((source, sightings) => seen.push(...sightings.map(({ line }) => `${source}:${line}`)));
  for (const byte of Buffer.from(log)) scanner.feed(Uint8Array.of(byte));
  scanner.end();
  expect(seen).toEqual(['aaaaaaaaaaaa:0', 'x@aaaaaaaaaaaa:4', 'x@aaaaaaaaaaaa:11']);
});
