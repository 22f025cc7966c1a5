import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENTRY_GROUPS, ENTRY_KINDS } from '../../src/journal/kind.ts';
import { PACKAGE } from '../palyra.ts';

// that nothing else is written, the compiler knows: the kind of a draft is one of them
test('every kind that a reader can ask for is written somewhere', () => {
  const folder = join(PACKAGE, 'src/flows');
  const flows = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const source = flows.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  expect(ENTRY_KINDS.filter((kind) => !source.includes(`'${kind}'`))).toEqual([]);
});

test('a group is what its kinds begin with', () => {
  expect(ENTRY_GROUPS).toEqual('approval doctor exec flag gate grant member posture share token workspace'.split(' '));
});
