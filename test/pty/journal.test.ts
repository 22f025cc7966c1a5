import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';
import { openTerminal } from './terminal.ts';

test('on a terminal an entry begins with why and who: ids and hashes are what is cut off', async () => {
  const { folder, palyra } = newPlace();
  const asked = await palyra([
    'approvals',
    'request',
    '--tool',
    'palyra.echo',
    '--principal',
    'agent:ci',
    '--input',
    '-',
  ]);
  expect(asked.code).toBe(10);
  const terminal = openTerminal(['journal', 'log'], { cwd: folder, home: dirname(folder), columns: 140 });
  expect(await terminal.ends()).toBe(0);
  const [, row = ''] = terminal.text().trimEnd().split(/\r?\n/);
  expect(row).toMatch(/gate\.deny +reason_codes=posture\.locked,tool\.execute\.tool_not_allowlisted principal=ag…$/);
});
