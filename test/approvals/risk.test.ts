import { expect, test } from 'vitest';
import type { ExecutionContext } from '../../src/approvals/proposal.ts';
import { riskOf } from '../../src/approvals/risk.ts';
import { PUSH } from './samples.ts';

function riskOfCommand(argv: readonly string[], change: Partial<ExecutionContext> = {}): string {
  return riskOf('palyra.process.run', { ...PUSH, hosts: [], argv, executable: `/usr/bin/${argv[0]}`, ...change });
}

test.each([
  ['palyra.echo', 'low'],
  ['palyra.browser.title', 'low'],
  ['palyra.memory.delete', 'high'],
  ['palyra.fs.apply_patch', 'critical'],
  ['palyra.plugin.run', 'critical'],
  ['acme.unknown', 'high'],
  ['', 'high'],
])('%s is %s', (tool, risk) => {
  expect(riskOf(tool, undefined)).toBe(risk);
});

test.each(['ls -la', 'cat README.md', 'grep -rn a .', 'find . -name *.ts', 'git status', 'git log --oneline'])(
  'contained and cut off, %s is medium',
  (line) => {
    expect(riskOfCommand(line.split(' '))).toBe('medium');
  },
);

test.each([
  'find . -delete',
  'find . -exec rm {} ;',
  'find . -fprintf out %p',
  'git push',
  'git -c core.pager=evil log',
  'git log --output=x',
  'git diff --ext-diff',
  'git show --textconv',
  'sort -o out in',
  'sed -i s/a/b/ x',
  'env ls',
  'bash -c ls',
  'npm test',
])('%s stays high', (line) => {
  expect(riskOfCommand(line.split(' '))).toBe('high');
});

test('reading is medium only where it is contained, its egress too, and the system program of that name', () => {
  expect(riskOfCommand(['ls'], { tier: 'b' })).toBe('high');
  expect(riskOfCommand(['ls'], { egress: 'preflight' })).toBe('high');
  expect(riskOfCommand(['ls'], { hosts: ['example.org'] })).toBe('medium');
  expect(riskOfCommand(['git', 'show'], { hosts: ['example.org'] })).toBe('high');
  expect(riskOfCommand(['ls'], { executable: '/srv/demo/ls' })).toBe('high');
});
