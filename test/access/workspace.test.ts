import { describe, expect, test } from 'vitest';
import { registryShape } from '../../src/access/registry.ts';
import { findWorkspace, makeWorkspace, slugOf } from '../../src/access/workspace.ts';
import { actOf, NOW, OPS, registryWith } from './samples.ts';

test.each([
  ['Ops', 'ops'],
  ['  On call -- EU/West 2!', 'on-call-eu-west-2'],
  ['größe', 'gr-e'],
  ['K', 'k'],
  ['---', '01jzzz'],
  ['日本', '01jzzz'],
])('the slug of %j is %s', (name, slug) => {
  expect(slugOf(name, '01JZZZ')).toBe(slug);
});

describe('a new workspace', () => {
  test('comes with its team, its runtime binding, and whoever made it as owner', () => {
    const { registry, workspace, team, membership } = makeWorkspace(
      registryShape.empty(),
      { name: 'On Call' },
      actOf('user:ann'),
    );
    const id = workspace.workspace_id;
    const stamp = { created_by_principal: 'user:ann', created_at_unix_ms: NOW, updated_at_unix_ms: NOW };
    expect(registry.workspaces).toEqual([
      {
        workspace_id: id,
        team_id: team.team_id,
        slug: 'on-call',
        display_name: 'On Call',
        runtime_principal: `workspace:${id}`,
        runtime_device_id: id,
        ...stamp,
      },
    ]);
    expect(registry.teams).toEqual([{ team_id: team.team_id, slug: 'on-call', display_name: 'On Call', ...stamp }]);
    expect(registry.memberships).toEqual([membership]);
    expect(membership).toMatchObject({ workspace_id: id, principal: 'user:ann', role: 'owner' });
  });

  test('joins a team that is there', () => {
    const registry = registryWith({ 'user:ann': 'owner' });
    const made = makeWorkspace(registry, { name: 'west', team: 'OPS' }, actOf('user:ann'));
    expect(made.registry.teams).toEqual(registry.teams);
    expect(made.workspace.team_id).toBe(registry.teams[0]?.team_id);
  });

  test('has a slug that no other has', () => {
    const again = () => makeWorkspace(registryWith({}), { name: 'OPS' }, actOf('user:ann'));
    expect(again).toThrow(expect.objectContaining({ code: 'store.conflict' }));
  });
});

describe('a workspace is named', () => {
  const one = registryWith({});
  const two = makeWorkspace(one, { name: 'west' }, actOf('user:ann')).registry;

  test.each([
    ['ops', OPS],
    ['OPS', OPS],
    [OPS, OPS],
    ['…ZZZ0PS', OPS],
  ])('by %s', (named, id) => {
    expect(findWorkspace(two, named).workspace_id).toBe(id);
  });

  test('by nothing, if there is only one', () => {
    expect(findWorkspace(one, undefined).workspace_id).toBe(OPS);
    expect(() => findWorkspace(two, undefined)).toThrow('there are 2 workspaces: say which');
    expect(() => findWorkspace(registryShape.empty(), undefined)).toThrow('there is no workspace yet');
  });

  test('and a name that nobody has gets the nearest', () => {
    expect(() => findWorkspace(two, 'wset')).toThrow(
      expect.objectContaining({ code: 'store.not_found', hint: expect.stringContaining('did you mean west?') }),
    );
  });

  test('but a slug of two of them is refused with the ids', () => {
    const twice = { ...two, workspaces: two.workspaces.map((workspace) => ({ ...workspace, slug: 'ops' })) };
    expect(() => findWorkspace(twice, 'ops')).toThrow(
      expect.objectContaining({ code: 'usage.invalid', why: expect.stringContaining(OPS) }),
    );
  });
});
