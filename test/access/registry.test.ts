import { expect, test } from 'vitest';
import { registryShape } from '../../src/access/registry.ts';
import { parseDocument, printDocument } from '../../src/document.ts';
import { tokenOf } from '../store/samples.ts';

test('a first run has the specified keys in their order, and the specified flags', () => {
  const registry = registryShape.empty();
  expect(Object.keys(registry)).toEqual([
    'version',
    'last_backfill_at_unix_ms',
    'feature_flags',
    'api_tokens',
    'teams',
    'workspaces',
    'memberships',
    'invitations',
    'shares',
    'telemetry',
  ]);
  expect(
    registry.feature_flags.map(({ key, enabled, stage, depends_on }) => [key, enabled, stage, ...depends_on]),
  ).toEqual([
    ['compat_api', false, 'admin_only'],
    ['compat_embeddings_api', false, 'admin_only', 'compat_api'],
    ['compat_tools_invoke', false, 'lab', 'compat_api'],
    ['api_tokens', false, 'admin_only', 'compat_api'],
    ['team_mode', false, 'pilot'],
    ['rbac', false, 'pilot', 'team_mode'],
    ['staged_rollout', false, 'internal'],
    ['routines_automation', true, 'pilot', 'staged_rollout'],
  ]);
  expect(Object.keys(registry.feature_flags[0] ?? {})).toEqual([
    'key',
    'label',
    'description',
    'enabled',
    'stage',
    'depends_on',
    'updated_at_unix_ms',
    'updated_by_principal',
  ]);
});

test('what is printed is pretty JSON that reads back the same', () => {
  const registry = { ...registryShape.empty(), api_tokens: [tokenOf('ci', 1)] };
  const text = printDocument(registry);
  expect(text.startsWith('{\n  "version": 1,\n  "last_backfill_at_unix_ms": null,\n')).toBe(true);
  expect(parseDocument(registryShape, text)).toEqual(registry);
});

test.each([
  [
    'a role nobody knows',
    { role: 'root' },
    'access_registry.json.api_tokens[0].role is not one of operator, admin, owner',
  ],
  ['a moment that is a text', { created_at_unix_ms: '2026' }, '.created_at_unix_ms is not a whole number'],
  ['a negative moment', { expires_at_unix_ms: -1 }, '.expires_at_unix_ms is not a whole number'],
  ['scopes that are no list', { scopes: 'all' }, '.scopes is not a list'],
  ['no hash', { token_hash_sha256: undefined }, '.token_hash_sha256 is not a text'],
])('a token with %s is refused by place, not by value', (_name, fields, says) => {
  const text = printDocument({ ...registryShape.empty(), api_tokens: [{ ...tokenOf('ci', 1), ...fields }] });
  expect(() => parseDocument(registryShape, text)).toThrow(says);
});

test('blank optional fields and fields that nobody knows are taken as they are', () => {
  const theirs = { ...tokenOf('ci', 1), workspace_id: '', revoked_at_unix_ms: null, their_field: { deep: [null] } };
  const registry = { ...registryShape.empty(), api_tokens: [theirs], their_list: [] };
  expect(parseDocument(registryShape, JSON.stringify(registry))).toEqual(registry);
});
