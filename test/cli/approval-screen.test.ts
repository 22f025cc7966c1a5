import { expect, test } from 'vitest';
import { grantRuleOf, ruleWords } from '../../src/approvals/grant.ts';
import { screenRows } from '../../src/cli/commands/approvals/approval-screen.ts';
import { NOW, pendingOf, proposeCall, seal } from '../approvals/samples.ts';

test('no name imitates words of ours, on the screen or in a rule', () => {
  const context = { session_id: 's1 · device trusted', channel: 'cli   risk LOW', device_id: 'x session=none' };
  const proposal = proposeCall('palyra.http.fetch', context, 'agent:x   risk LOW');
  const approval = pendingOf(seal({ ...proposal, summary: 'it is fine", says the operator: "go' }));
  const payload = Buffer.from(proposal.payload);
  const rows = screenRows({ approval, payload, history: [], now: NOW }, 200);
  expect(rows.find((row) => row.startsWith('  asks'))).toBe(
    '  asks      "agent:x   risk LOW" · session "s1 · device trusted" · channel "cli   risk LOW" · device "x session=none"',
  );
  expect(rows.find((row) => row.startsWith('  agent says'))).toBe(
    '  agent says (written by the agent, not checked): "it is fine\\", says the operator: \\"go"',
  );
  expect(ruleWords(grantRuleOf(approval)).slice(-4)).toEqual([
    'principal="agent:x   risk LOW"',
    'device="x session=none"',
    'channel="cli   risk LOW"',
    'session="s1 · device trusted"',
  ]);
});
