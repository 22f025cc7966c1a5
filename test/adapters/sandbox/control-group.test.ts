import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBoundary } from '../../../src/adapters/sandbox/boundary.ts';
import { createGroup, findGroupPlace } from '../../../src/adapters/sandbox/control-group.ts';
import { DEFAULT_LIMITS } from '../../../src/sandbox/limits.ts';
import type { Tier } from '../../../src/sandbox/tier.ts';
import { groupFolders, groupsLeft, newFolder, planFor, type Ran, removeFolder, runPlan } from '../../sandbox/lab.ts';

const MIB = 1024 * 1024;
// as root v1 or v2, as anybody else v2 where it was delegated: test/machines.mjs has machines with both kinds of v2
const place = findGroupPlace();

describe.runIf(place !== null)('where control groups can be made', () => {
  let workspace: string;

  beforeAll(() => {
    workspace = newFolder('group');
    spawnSync('chown', ['1000:1000', workspace]);
  });

  afterAll(() => {
    removeFolder(workspace);
    expect(groupsLeft()).toEqual([]);
  });

  /** What a perl script makes of 128 MiB. */
  async function run(tier: Tier, script: string): Promise<Ran> {
    const limits = { memoryLimitBytes: 128 * MIB };
    const plan = planFor(workspace, ['perl', '-e', script], { tier, egress: 'none', limits });
    expect(plan.layers).toContain('memory:cgroup');
    return runPlan(await openBoundary(tier, plan), plan);
  }

  test.each(['b', 'c'] as const)('tier %s: too much memory is told as the limit that it was', async (tier) => {
    const { execution, stdout } = await run(tier, 'my @all; push @all, "x" x (1 << 20) for 1..400; print "had it"');
    expect([execution.ending.outcome, stdout]).toEqual(['limit', '']);
    expect(execution.ending).toHaveProperty('limit', 'memory');
    expect(execution.measured.peakRssBytes).toBeGreaterThan(100 * MIB);
    expect(execution.measured.peakRssBytes).toBeLessThanOrEqual(128 * MIB);
  });

  test.each(['b', 'c'] as const)('tier %s: the peak is that of all processes together', async (tier) => {
    const each =
      'fork; my @all; push @all, "x" x (1 << 20) for 1..40; select undef, undef, undef, 0.5; print "had it"; wait';
    const { execution, stdout } = await run(tier, each);
    expect([execution.ending, stdout]).toEqual([{ outcome: 'exited', exitCode: 0 }, 'had ithad it']);
    expect(execution.measured.peakRssBytes).toBeGreaterThan(80 * MIB);
  });

  test('what killed palyras left is swept, what is another’s stays', async () => {
    const left = groupFolders().map((folder) => join(folder, `palyra-${spawnSync('true').pid}-0`));
    const others = groupFolders().map((folder) => join(folder, `palyra-${process.ppid}-0`));
    for (const folder of [...left, ...others]) mkdirSync(folder);
    const group = place === null ? null : createGroup(place, DEFAULT_LIMITS);
    expect([...left, ...others].filter(existsSync)).toEqual(others);
    await group?.remove();
    for (const folder of others) rmdirSync(folder);
  });
});
