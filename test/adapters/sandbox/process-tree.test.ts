import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { useOf } from '../../../src/adapters/sandbox/process-tree.ts';

test('memory is told in bytes, whatever a page of this kernel is', async () => {
  const child = spawn('perl', ['-e', '$| = 1; my $all = "x" x (32 << 20); print "up"; sleep 60']);
  await once(child.stdout, 'data');
  const kilobytes = Number(/^RssAnon:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]);
  const { ownBytes } = useOf(child.pid ?? 0) ?? { ownBytes: 0 };
  child.kill('SIGKILL');
  expect(kilobytes).toBeGreaterThan(32 * 1024);
  // the kernel's own two counts may be some pages apart
  expect(Math.abs(ownBytes / 1024 / kilobytes - 1)).toBeLessThan(0.1);
});
