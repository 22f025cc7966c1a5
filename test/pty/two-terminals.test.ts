import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';
import { openPane } from './pane.ts';

const TRANSCRIPT = join(import.meta.dirname, 'two-terminals.txt');

/**
 * The walk-through of the README, as two people would do it: an agent in one terminal, an operator in the other, both in
 * tmux. PALYRA_UPDATE=1 writes what they saw.
 */
test('an agent asks, an operator answers, the call is made once', async () => {
  const { folder, bash } = newPlace();
  // what the blocks of the README before it have left
  await bash('palyra init --tool palyra.echo --tool palyra.http.fetch; palyra posture set palyra.echo ask_each_time');
  const home = dirname(folder);
  const agent = openPane({ name: 'agent', home, folder, env: { NO_COLOR: '1' } });
  const operator = openPane({ name: 'operator', home, folder, env: { NO_COLOR: '1' } });

  await agent.enter(`echo '{"url":"https://example.org/report"}' > call.json`);
  agent.type('palyra approvals request --tool palyra.http.fetch --input call.json \\\n');
  agent.type('  --principal agent:report --session demo --summary "reading the report" --wait 10m\n');
  await agent.sees('waiting for an answer to ');

  operator.type('palyra approvals resolve\n');
  await operator.sees('? Decision (Enter skips)');
  operator.type('a\n');
  await operator.sees('? High risk. Type ');
  const id = /Type ([0-9A-Z]{6}) to allow once/.exec(operator.screen())?.[1] ?? '';
  operator.type(`${id}\n`);
  await operator.sees('allowed once by');

  await agent.sees(/allowed once by[\s\S]*\$ $/);
  await agent.enter(`palyra approvals claim ${id} --input call.json`);
  await agent.enter(`palyra approvals claim ${id} --input call.json`);
  await operator.enter('palyra approvals list');

  const seen = `# the agent\n${agent.screen()}\n\n# the operator\n${operator.screen()}\n`.replaceAll(id, '<id>');
  if (process.env.PALYRA_UPDATE === '1') writeFileSync(TRANSCRIPT, steady(seen));
  else expect(steady(seen)).toBe(readFileSync(TRANSCRIPT, 'utf8'));
});

/** What differs from run to run, by its name. */
function steady(text: string): string {
  return text
    .replace(/\b[0-7][0-9A-HJKMNP-TV-Z]{19}<id>/g, '<ulid>')
    .replace(/digest {4}[0-9a-f]{8}/g, 'digest    <digest>')
    .replaceAll(`user:${userInfo().username}`, 'user:<me>')
    .replace(/expires in \d+:\d\d/g, 'expires in <time>')
    .replace(/\d+ s ago/g, '<time> ago');
}
