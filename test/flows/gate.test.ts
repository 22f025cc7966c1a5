import { describe, expect, test } from 'vitest';
import { runtimeOf } from '../../src/access/workspace.ts';
import type { Proposal } from '../../src/approvals/proposal.ts';
import { changePosture } from '../../src/flows/change-posture.ts';
import { requestApproval } from '../../src/flows/request-approval.ts';
import { applyChanges, GLOBAL } from '../../src/posture/change.ts';
import { type PostureState, postureShape } from '../../src/posture/registry.ts';
import { OPS, registryWith } from '../access/samples.ts';
import { EMPTY, NOW, proposeCall, proposeRun } from '../approvals/samples.ts';
import { type DeskSettings, openTestDesk, type TestDesk, TOML } from './gate-desk.ts';

/** `allow policy`, `ask: why`, or `deny` with every reason's code. */
async function pass(desk: TestDesk, proposal: Proposal): Promise<string> {
  const { answer } = await requestApproval(desk, proposal, 900_000);
  if (answer.decision === 'allow') return `allow by ${answer.authority.ground.kind}`;
  return answer.decision === 'ask' ? 'ask' : `deny ${answer.reasons.map(({ code }) => code).join(' ')}`;
}

async function passWith(settings: DeskSettings, proposal: Proposal, state?: PostureState): Promise<string> {
  const desk = await openTestDesk(settings);
  const tool = proposal.request.resource.replace('tool:', '');
  if (state !== undefined) await changePosture(desk, [{ tool, scope: GLOBAL, state }]);
  return await pass(desk, proposal);
}

const FETCH = proposeCall('palyra.http.fetch');
const ECHO = proposeCall('palyra.echo');

function proposeAction(action: string, context: Proposal['request']['context'] = {}): Proposal {
  return {
    request: { principal: 'user:ops', action, resource: 'memory:all', context },
    payload: Buffer.from(''),
    summary: '',
  };
}

describe('posture', () => {
  test('a harmless tool runs, a sensitive one is asked for', async () => {
    expect(await passWith({}, ECHO)).toBe('allow by policy');
    expect(await passWith({}, FETCH)).toBe('ask');
  });

  test('disabled stops what Cedar would allow', async () => {
    expect(await passWith({}, ECHO, 'disabled')).toBe('deny posture.disabled');
  });

  test('ask_each_time asks for a tool that the catalog calls harmless', async () => {
    expect(await passWith({}, ECHO, 'ask_each_time')).toBe('ask');
  });

  test('always_allow lifts the baseline for the tool that it names', async () => {
    expect(await passWith({}, FETCH, 'always_allow')).toBe('allow by policy');
  });

  test('always_allow lifts no forbid of an operator', async () => {
    const forbid =
      '@id("never") forbid (principal, action, resource) when { context.tool_name == "palyra.http.fetch" };';
    expect(await passWith({ policies: forbid }, FETCH, 'always_allow')).toBe('deny policy.explicit_approval_required');
    const unless = '@id("ask") forbid (principal, action, resource) unless { context.allow_sensitive_tools };';
    expect(await passWith({ policies: unless }, FETCH, 'always_allow')).toBe('ask');
    expect(await passWith({ policies: unless }, ECHO, 'always_allow')).toBe('ask');
  });

  test('always_allow does not lift what makes another action than executing the tool sensitive', async () => {
    const desk = await openTestDesk();
    await changePosture(desk, [{ tool: 'palyra.echo', scope: GLOBAL, state: 'always_allow' }]);
    expect(await pass(desk, proposeAction('memory.purge', { tool_name: 'palyra.echo' }))).toBe('ask');
  });

  test('a harmless tool with a sensitive capability is asked for, unless somebody set always_allow', async () => {
    const needy = proposeCall('palyra.echo', { capabilities: ['network'] });
    expect(await passWith({}, needy)).toBe('ask');
    expect(await passWith({}, needy, 'always_allow')).toBe('allow by policy');
  });
});

test('a call that wants more than the configuration gives is asked for, whatever its posture', async () => {
  const wanting = { ...ECHO, asks: 'it names a host that no configuration allows' };
  expect(await passWith({}, wanting, 'always_allow')).toBe('ask');
});

test('a posture of a workspace holds for its members and its runtime, and for nobody else', async () => {
  const { gate } = await openTestDesk();
  const registry = registryWith({ 'user:ann': 'operator' });
  const { overrides } = applyChanges(
    postureShape.empty(),
    [{ tool: 'palyra.echo', scope: { kind: 'workspace', id: OPS }, state: 'disabled', before: undefined }],
    { principal: 'user:oncall', now: NOW, eventIds: ['e1'] },
  );
  const posture = { ...postureShape.empty(), overrides };
  const decisionFor = (principal: string) =>
    gate.pass(gate.seal(proposeCall('palyra.echo', {}, principal)), { approvals: EMPTY, posture, registry }, NOW)
      .decision;
  expect(decisionFor('user:ann')).toBe('deny');
  expect(decisionFor(runtimeOf(OPS).runtime_principal)).toBe('deny');
  expect(decisionFor('user:eve')).toBe('allow');
});

describe('policy', () => {
  test('what an approval would not help is denied at once, with every reason', async () => {
    const desk = await openTestDesk({
      toml: '[tool_call]\nmax_calls_per_run = 1\ntool_execute_channel_allowlist = ["cli"]',
    });
    expect(await pass(desk, proposeCall('palyra.plugin.run', { channel: 'slack:x' }))).toBe(
      'deny posture.locked tool.execute.channel_not_allowlisted skill.not_named budget.run_not_named',
    );
  });

  test('a sensitive action is asked for, another runs, an unknown one is denied', async () => {
    expect(await passWith({}, proposeAction('memory.purge'))).toBe('ask');
    expect(await passWith({}, proposeAction('cron.delete'))).toBe('ask');
    expect(await passWith({}, proposeAction('memory.search'))).toBe('allow by policy');
    expect(await passWith({}, proposeAction('memory.purg'))).toBe('deny policy.baseline_deny');
  });

  test('a forbid that cannot be evaluated is a denial', async () => {
    const broken = '@id("broken") forbid (principal, action, resource) when { context.nothing == 1 };';
    expect(await passWith({ policies: broken }, ECHO)).toBe('deny policy.deny.evaluation_error');
  });
});

describe('skills', () => {
  const run = (skill?: string) => proposeCall('palyra.plugin.run', skill === undefined ? {} : { skill_id: skill });

  test('an active one is always asked for, whatever the posture', async () => {
    expect(await passWith({}, run('acme.report'))).toBe('ask');
    expect(await passWith({}, run('acme.report'), 'always_allow')).toBe('ask');
    const lax = `${TOML}`.replace(
      '[tool_call]',
      '[tool_call]\nallow_sensitive_tools = true\nallowed_skills = ["acme.report"]',
    );
    expect(await passWith({ toml: lax }, run('acme.report'), 'always_allow')).toBe('ask');
    const skill = {
      ...run('acme.report'),
      request: { principal: 'u', action: 'skill.execute', resource: 'skill:acme.report', context: {} },
    };
    expect(await passWith({ toml: lax }, skill)).toBe('ask');
  });

  test('any other may not even be asked for', async () => {
    expect(await passWith({}, run('acme.odd'))).toBe('deny skill.quarantined');
    expect(await passWith({}, run('acme.new'))).toBe('deny skill.unknown');
    expect(await passWith({}, run('__proto__'))).toBe('deny skill.unknown');
    expect(await passWith({}, run())).toBe('deny skill.not_named');
  });
});

test('a run makes as many calls as max_calls_per_run allows, and no more', async () => {
  const desk = await openTestDesk({ toml: `${TOML}`.replace('[tool_call]', '[tool_call]\nmax_calls_per_run = 2') });
  const echo = (run: string) => proposeCall('palyra.echo', { run_id: run });
  expect(await pass(desk, echo('r1'))).toBe('allow by policy');
  expect(await pass(desk, proposeRun({}, { run_id: 'r1' }))).toBe('ask');
  expect(await pass(desk, echo('r1'))).toBe('allow by policy');
  expect(await pass(desk, echo('r1'))).toBe('deny budget.exhausted');
  expect(await pass(desk, proposeRun({}, { run_id: 'r1' }))).toBe('deny budget.exhausted');
  expect(await pass(desk, echo('r2'))).toBe('allow by policy');
});

test('each decision is in the journal before anybody learns of it; a dry run is not', async () => {
  const desk = await openTestDesk();
  for (const proposal of [ECHO, FETCH, proposeCall('palyra.sleep')]) await pass(desk, proposal);
  await pass({ ...desk, dryRun: true } as TestDesk, FETCH);
  const kinds: unknown[] = [];
  for await (const { text } of desk.store.journal.lines()) kinds.push(JSON.parse(JSON.parse(text).body).kind);
  expect(kinds).toEqual(['gate.allow', 'approval.request', 'gate.deny']);
  expect((await desk.store.read('approvals')).approvals.approvals).toHaveLength(1);
});

test('what is too large is refused, and nothing is recorded', async () => {
  const desk = await openTestDesk();
  await expect(pass(desk, { ...FETCH, summary: 'x'.repeat(1025) })).rejects.toMatchObject({ code: 'input.too_large' });
  const payload = new Uint8Array(1024 * 1024 + 1);
  await expect(pass(desk, { ...FETCH, payload })).rejects.toMatchObject({ code: 'input.too_large' });
  expect((await desk.store.read('approvals')).approvals.approvals).toEqual([]);
});
