import { expect, test } from 'vitest';
import type { Workspace } from '../../src/access/registry.ts';
import { parseWord, removeShare, setShare } from '../../src/access/share.ts';
import { actOf, NOW, registryWith } from './samples.ts';

const registry = registryWith({ 'user:ann': 'owner' });
const workspace = registry.workspaces[0] as Workspace;
const key = { workspace, kind: 'memory', id: 'Runbook' };

test('a workspace, kind and id have one share, whose level changes', () => {
  const first = setShare(registry, { ...key, accessLevel: 'read' }, actOf('user:ann'));
  const second = setShare(first.registry, { ...key, accessLevel: 'write' }, { ...actOf('user:al'), now: NOW + 1 });
  expect(second.registry.shares).toEqual([{ ...first.share, access_level: 'write', updated_at_unix_ms: NOW + 1 }]);
  const again = setShare(second.registry, { ...key, accessLevel: 'write' }, actOf('user:ann'));
  expect(again).toMatchObject({ changed: false, registry: second.registry });
  const other = setShare(second.registry, { ...key, id: 'runbook', accessLevel: 'read' }, actOf('user:ann'));
  expect(other.registry.shares).toHaveLength(2);
});

test('what is not shared cannot be removed', () => {
  const { registry: shared } = setShare(registry, { ...key, accessLevel: 'read' }, actOf('user:ann'));
  expect(removeShare(shared, key).registry.shares).toEqual([]);
  expect(() => removeShare(registry, key)).toThrow(expect.objectContaining({ code: 'store.not_found' }));
});

test.each(['', ' ', 'two words', 'a\u202eb', '-x', 'x'.repeat(65)])('%j is no word', (text) => {
  expect(() => parseWord(text, 'the kind')).toThrow(expect.objectContaining({ code: 'usage.invalid' }));
});
