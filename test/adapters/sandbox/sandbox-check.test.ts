import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { openBoundary } from '../../../src/adapters/sandbox/boundary.ts';
import { checkSandbox } from '../../../src/adapters/sandbox/sandbox-check.ts';
import { parseHostRules } from '../../../src/sandbox/hosts.ts';
import { newFolder, planFor, removeFolder, runPlan } from '../../sandbox/lab.ts';

test('every way of containing a command is tried, and what does not work says why', async () => {
  const { machine, tried } = await checkSandbox();
  expect(tried.map(({ tier, egress }) => `${tier} ${egress}`)).toEqual([
    'b none',
    'b preflight',
    'b strict',
    'c none',
    'c preflight',
    'c strict',
  ]);
  for (const { tier, egress, works, why, layers } of tried) {
    const expected = tier === 'b' && egress === 'strict' ? machine.landlockAbi > 0 : true;
    expect([tier, egress, works, why === null, layers.length > 0]).toEqual([
      tier,
      egress,
      expected,
      expected,
      expected,
    ]);
  }
});

test('strict with an allowed service reaches it and nothing else, and reports both', async () => {
  const server = createServer((_, response) => response.end('hello from the host'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const workspace = newFolder('egress');
  spawnSync('chown', ['1000:1000', workspace]);
  const script = `curl -s --noproxy '*' http://127.0.0.1:${port}/; curl -s -o /dev/null -w ' %{http_code}' http://example.org/`;
  const plan = planFor(workspace, ['sh', '-c', script], { hosts: parseHostRules([`127.0.0.1:${port}`], []) });
  const { stdout, stderr, execution } = await runPlan(await openBoundary('c', plan), plan);
  server.close();
  removeFolder(workspace);
  expect([stdout, stderr]).toEqual(['hello from the host 403', '']);
  expect(execution.destinations.map(({ host, verdict, reason }) => [host, verdict, reason])).toEqual([
    ['127.0.0.1', 'allowed', 'listed'],
    ['example.org', 'refused', 'host_not_listed'],
  ]);
});
