import { Readable, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { systemPaths } from '../../src/adapters/sandbox/paths.ts';
import { type Approval, stateOf } from '../../src/approvals/approval.ts';
import { changePosture } from '../../src/flows/change-posture.ts';
import { claimApproval } from '../../src/flows/claim-approval.ts';
import { findApproval } from '../../src/flows/find-approval.ts';
import { requestApproval } from '../../src/flows/request-approval.ts';
import { type RunDesk, runTool, type ToolCall, type ToolRun } from '../../src/flows/run-tool.ts';
import { settleApproval } from '../../src/flows/settle-approval.ts';
import { GLOBAL } from '../../src/posture/change.ts';
import type { PostureState } from '../../src/posture/registry.ts';
import { notRun } from '../../src/sandbox/execution.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { DEFAULT_LIMITS, UNBOUNDED } from '../../src/sandbox/limits.ts';
import { type Plan, planSha256 } from '../../src/sandbox/plan.ts';
import type { Sightings } from '../../src/sandbox/protected-files.ts';
import { proposeCall } from '../approvals/samples.ts';
import { openTestDesk, type TestDesk, TOML } from './gate-desk.ts';

const TOOL = 'palyra.process.run';
const EXITED = { outcome: 'exited', exitCode: 0 } as const;
const CALL: ToolCall = {
  request: {
    principal: 'user:ops',
    action: 'tool.execute',
    resource: `tool:${TOOL}`,
    context: { session_id: 'session-1', run_id: 'run-1' },
  },
  run: {
    argv: ['true'],
    tier: 'c',
    egress: 'strict',
    hosts: parseHostRules([], []),
    workspace: { path: '/srv/demo', realpath: '/srv/demo', uid: 1000, gid: 1000, protectedPaths: [] },
    cwd: '/srv/demo',
    environment: { PATH: '/usr/bin', HOME: '/srv/demo' },
    limits: DEFAULT_LIMITS,
    stdin: 'null',
    tty: false,
    allowRoot: false,
    hidden: [],
    homes: [],
    searchFolders: [],
  },
  variables: {},
  executables: ['true'],
  interpreters: false,
  approval: undefined,
  asks: undefined,
};

/** What happens at the moments at which the world may have changed, and what was run. */
interface Scene {
  readonly desk: TestDesk;
  /** while an operator is asked */
  readonly asking?: (approval: Approval) => Promise<unknown>;
  /** while the boundary is built, before the first instruction */
  readonly building?: () => Promise<unknown>;
  /** once it has been let go */
  readonly running?: () => Promise<unknown>;
}

const BEFORE: Sightings = {
  ...{ workspace: '/srv/demo', place: '1:2', paths: [], found: {} },
  repositories: { prints: {}, isComplete: true },
};

/** The flow with the gate, Cedar and a store that are real; a runner that starts nothing, and tells what it would have. */
async function runIn(
  scene: Scene,
  call: ToolCall = CALL,
): Promise<{ run: ToolRun; started: Plan[]; kept: ReadonlySet<string> }> {
  const started: Plan[] = [];
  const kept = new Set<string>();
  const { desk, asking, building, running } = scene;
  const actor = { principal: 'user:ops', uid: 1000, pid: 7, host: 'here' };
  const runDesk: RunDesk = {
    ...desk,
    clock: () => desk.time,
    acting: { principal: 'user:ops', actor, token: null },
    boundary: {
      machine: {
        platform: 'linux',
        architecture: 'x64',
        uid: 1000,
        gid: 1000,
        programs: { bwrap: '/b', prlimit: '/p', perl: '/q', setpriv: null, node: '/n', sandboxExec: null },
        seccomp: true,
        landlockAbi: 0,
        cgroup: null,
        hardLimits: UNBOUNDED,
        systemPaths: [],
      },
      run: async (plan, _streams, { beforeStart }) => {
        await building?.();
        await beforeStart?.(BEFORE);
        started.push(plan);
        await running?.();
        return { ...notRun(planSha256(plan), EXITED), layers: plan.layers };
      },
    },
    paths: systemPaths,
    runs: {
      keep: ({ attestationId }) => void kept.add(attestationId),
      forget: (attestationId) => kept.delete(attestationId),
      list: () => ({ running: [], lost: [], unreadable: [] }),
    },
    streams: { stdin: Readable.from([]), stdout: new Writable(), stderr: new Writable() },
    hooks: {},
    approvalTimeoutMs: 900_000,
    ask: async (approval) => {
      await asking?.(approval);
      return await findApproval(desk, approval.approval_id);
    },
    allowed: () => undefined,
  };
  return { run: await runTool(runDesk, call), started, kept };
}

async function deskWith(state: PostureState): Promise<TestDesk> {
  const desk = await openTestDesk();
  await set(desk, state);
  return desk;
}

async function set(desk: TestDesk, state: PostureState): Promise<void> {
  await changePosture(desk, [{ tool: TOOL, scope: GLOBAL, state }]);
}

function codes({ refusal }: ToolRun): string[] {
  return refusal?.reasons.map(({ code }) => code) ?? [];
}

async function journalOf({ store }: TestDesk): Promise<{ kind: string; payload: Record<string, unknown> }[]> {
  const bodies: { kind: string; payload: Record<string, unknown> }[] = [];
  for await (const { text } of store.journal.lines()) bodies.push(JSON.parse(JSON.parse(text).body));
  return bodies;
}

async function kindsOf(desk: TestDesk): Promise<string[]> {
  return (await journalOf(desk)).map(({ kind }) => kind);
}

function sayYes(desk: TestDesk, approval: Approval): Promise<unknown> {
  return settleApproval(desk, approval.approval_id, {
    decision: 'allow',
    scope: 'once',
    digest: approval.request_sha256,
  });
}

describe('a command that is allowed', () => {
  test('runs after the journal says that it begins, and before it says how it ended', async () => {
    const desk = await deskWith('always_allow');
    const kinds: string[] = [];
    const { run, started } = await runIn({ desk, building: async () => kinds.push(...(await kindsOf(desk))) });
    expect(started).toEqual([run.plan]);
    expect(run).toMatchObject({
      refusal: undefined,
      execution: { ending: EXITED },
      authority: { ground: { kind: 'policy' } },
    });
    expect([...kinds, '|', ...(await kindsOf(desk)).slice(kinds.length)]).toEqual([
      'posture.change',
      '|',
      'exec.start',
      'exec.end',
    ]);
  });

  test('does not run if the posture says no by the time that it would begin', async () => {
    const desk = await deskWith('always_allow');
    const { run, started } = await runIn({ desk, building: () => set(desk, 'disabled') });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['posture.disabled']);
    expect(run.authority).toBeUndefined();
    expect(run.execution?.ending).toEqual({ outcome: 'refused', exitCode: 126, reasonCode: 'posture.disabled' });
    expect(await kindsOf(desk)).toEqual(['posture.change', 'posture.change', 'exec.refuse']);
  });

  test('does not run if somebody has to look by the time that it would begin', async () => {
    const desk = await deskWith('always_allow');
    const { run, started } = await runIn({ desk, building: () => set(desk, 'ask_each_time') });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['approval.required']);
  });

  test('does not run if another call has used up the budget meanwhile', async () => {
    const desk = await openTestDesk({ toml: TOML.replace('[tool_call]', '[tool_call]\nmax_calls_per_run = 1') });
    await set(desk, 'always_allow');
    const building = () => requestApproval(desk, proposeCall('palyra.echo', { run_id: 'run-1' }), 1000);
    const { run, started } = await runIn({ desk, building });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['budget.exhausted']);
  });

  test('does not run if its beginning cannot be written down', async () => {
    const desk = await deskWith('always_allow');
    const building = async (): Promise<void> => {
      desk.store.transact = () => Promise.reject(new Error('the disk is full'));
    };
    const started: Plan[] = [];
    await expect(runIn({ desk, building }).then((ran) => started.push(...ran.started))).rejects.toThrow(
      'the disk is full',
    );
    expect(started).toEqual([]);
  });
});

describe('a command that has begun', () => {
  test('is told of and journaled as failed if what watches it breaks, and the fault is handed on', async () => {
    const desk = await deskWith('always_allow');
    const fault = new Error('the pipe broke');
    const { run, kept } = await runIn({ desk, running: () => Promise.reject(fault) });
    expect(run.failure).toBe(fault);
    expect(run.execution?.ending).toMatchObject({ outcome: 'failed', exitCode: 125, message: 'the pipe broke' });
    expect((await kindsOf(desk)).slice(1)).toEqual(['exec.start', 'exec.end']);
    expect([...kept]).toEqual([]);
  });

  test('stays among those to be looked at again while its end is not written down', async () => {
    const desk = await deskWith('always_allow');
    const { transact } = desk.store;
    const full = new Error('the disk is full');
    const running = async (): Promise<void> => {
      desk.store.transact = () => Promise.reject(full);
    };
    const { run, kept } = await runIn({ desk, running });
    desk.store.transact = transact;
    expect(run).toMatchObject({ failure: full, execution: { ending: EXITED } });
    expect([...kept]).toEqual([run.attestationId]);
  });
});

describe('a command that is asked for', () => {
  test('runs on a yes, which it uses up', async () => {
    const desk = await deskWith('ask_each_time');
    const asking = (approval: Approval) => sayYes(desk, approval);
    const { run, started } = await runIn({ desk, asking });
    expect(started).toEqual([run.plan]);
    expect(run.authority?.ground).toMatchObject({ kind: 'approval', approval: { approval_id: run.approvalId } });
    expect(stateOf(await findApproval(desk, run.approvalId ?? ''), desk.time)).toBe('used');
    const [start] = (await journalOf(desk)).filter(({ kind }) => kind === 'exec.start');
    expect(start?.payload).toMatchObject({ approval_id: run.approvalId, request_sha256: run.call.requestSha256 });
  });

  const LATE = 900_000;
  const answers: readonly (readonly [string, (desk: TestDesk, approval: Approval) => Promise<unknown>, string])[] = [
    [
      'is denied',
      (desk, { approval_id: id }) => settleApproval(desk, id, { decision: 'deny', reason: 'no' }),
      'approval.denied',
    ],
    ['is not answered in the time that it waits', async () => undefined, 'approval.required'],
    [
      'is not answered before its time is over',
      async (desk) => {
        desk.time += LATE;
      },
      'approval.timed_out',
    ],
    [
      'is allowed, and then too long ago',
      async (desk, approval) => {
        await sayYes(desk, approval);
        desk.time += LATE;
      },
      'approval.lapsed',
    ],
    [
      'is allowed, and somebody else has used that up',
      async (desk, approval) => {
        await sayYes(desk, approval);
        const payload = await desk.store.payload(approval.payload_sha256);
        await claimApproval(desk, approval.approval_id, { payload });
      },
      'approval.used',
    ],
    [
      'is allowed, and the tool disabled',
      async (desk, approval) => {
        await sayYes(desk, approval);
        await set(desk, 'disabled');
      },
      'posture.disabled',
    ],
  ];

  test.each(answers)('does not run if it %s', async (_, answer, code) => {
    const desk = await deskWith('ask_each_time');
    const { run, started } = await runIn({ desk, asking: (approval) => answer(desk, approval) });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual([code]);
    expect(run.execution?.ending).toEqual({ outcome: 'refused', exitCode: 126, reasonCode: code });
    const last = (await journalOf(desk)).at(-1);
    expect(last).toMatchObject({ kind: 'exec.refuse', payload: { approval_id: run.approvalId, reason_codes: [code] } });
  });

  test('does not run if the tool is disabled while the boundary is built, though an operator said yes', async () => {
    const desk = await deskWith('ask_each_time');
    const asking = (approval: Approval) => sayYes(desk, approval);
    const { run, started } = await runIn({ desk, asking, building: () => set(desk, 'disabled') });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['posture.disabled']);
  });

  test('is only told in a dry run, which writes nothing', async () => {
    const desk = await deskWith('ask_each_time');
    const { run, started } = await runIn({ desk: { ...desk, dryRun: true } });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['approval.required']);
    expect(await kindsOf(desk)).toEqual(['posture.change']);
  });
});

describe('a command with an approval', () => {
  test('that speaks for another command does not run, and leaves it unused', async () => {
    const desk = await deskWith('ask_each_time');
    const dir = { ...CALL, run: { ...CALL.run, argv: ['ls'] }, executables: ['*'] } as const;
    const { run: asked } = await runIn({ desk }, dir);
    const approval = await findApproval(desk, asked.approvalId ?? '');
    await sayYes(desk, approval);
    const { run, started } = await runIn({ desk }, { ...CALL, approval: approval.approval_id });
    expect(started).toEqual([]);
    expect(codes(run)).toEqual(['approval.input_differs']);
    expect(stateOf(await findApproval(desk, approval.approval_id), desk.time)).toBe('allowed');

    const { started: then } = await runIn({ desk }, { ...dir, approval: approval.approval_id });
    expect(then.map(({ argv }) => argv)).toEqual([['ls']]);
  });
});

test('a command whose words reach out of the workspace does not run, whatever the posture', async () => {
  const desk = await deskWith('always_allow');
  const reaching = { ...CALL, run: { ...CALL.run, argv: ['cat', '/etc/shadow'] }, executables: ['*'] } as const;
  const { run, started } = await runIn({ desk }, reaching);
  expect(started).toEqual([]);
  expect(run.execution?.ending).toMatchObject({ outcome: 'refused', exitCode: 126 });
  expect((await kindsOf(desk)).at(-1)).toBe('exec.refuse');
});
