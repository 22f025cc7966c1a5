import { expect, test } from 'vitest';
import { headInShort } from '../../src/policy/head.ts';
import { splitPolicies } from '../../src/policy/source.ts';

test.each([
  ['principal, action, resource', 'anything'],
  ['principal, action == Action::"tool.execute", resource', 'tool.execute'],
  ['principal == Principal::"user:ops", action == Action::"tool.execute", resource', 'tool.execute by user:ops'],
  ['principal, action in [Action::"a", Action::"b", Action::"c"], resource', 'a, b, c'],
  ['principal, action in [Action::"a", Action::"b", Action::"c", Action::"d"], resource', '4 actions'],
  ['principal is User, action, resource in Folder::"etc"', 'by User on etc'],
  ['principal is User in Team::"ops", action, resource is File', 'by User in ops on File'],
  ['principal == ?principal, action, resource in ?resource', 'by ?principal on ?resource'],
])('(%s) is about %s', (scope, words) => {
  expect(splitPolicies(`permit (${scope});`, 'a.cedar').map(headInShort)).toEqual([words]);
});
