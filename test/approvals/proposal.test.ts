import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Proposal, policyHashOf, variablesSha256 } from '../../src/approvals/proposal.ts';
import { proposeCall, proposeRun, seal } from './samples.ts';

const changes: Readonly<Record<string, Proposal>> = {
  'a byte of the input': { ...proposeRun(), payload: Buffer.from('{"argv":["git","push","--force","mai"]}') },
  'the order of its keys': { ...proposeRun(), payload: Buffer.from('{ "argv":["git","push","--force","main"]}') },
  'what the agent says': { ...proposeRun(), summary: 'something else' },
  'an argument': proposeRun({ argv: ['git', 'push', '--force', 'other'] }),
  'an argument split in two': proposeRun({ argv: ['git', 'push', '--force', 'ma', 'in'] }),
  'the order of arguments': proposeRun({ argv: ['git', 'push', 'main', '--force'] }),
  'the folder': proposeRun({ cwd: '/srv' }),
  'the program behind the name': proposeRun({ executable: '/srv/demo/git' }),
  'the names of the environment': proposeRun({ env_names: ['HOME', 'PATH', 'LD_PRELOAD'] }),
  'the tier': proposeRun({ tier: 'b' }),
  'the executor': proposeRun({ executor: 'none' }),
  'the egress': proposeRun({ egress: 'none' }),
  'a host': proposeRun({ hosts: ['git.example.org', 'evil.example'] }),
  'a limit': proposeRun({ limits: { timeout_ms: 30_001, memory_limit_bytes: 1_073_741_824 } }),
  'the value of a variable': proposeRun({ env_sha256: variablesSha256({ DEBUG: '1' }) }),
  'the workspace': proposeRun({ workspace: '/srv' }),
  'an input': proposeRun({ stdin: 'pipe' }),
  'a terminal': proposeRun({ tty: true }),
  root: proposeRun({ allow_root: true }),
  'the session': proposeRun({}, { session_id: 'session-2' }),
  'the run': proposeRun({}, { run_id: 'run-2' }),
  'the channel': proposeRun({}, { channel: 'slack:ops' }),
  'the device': proposeRun({}, { device_id: 'phone' }),
  'a capability': proposeRun({}, { capabilities: ['network'] }),
  'a skill': proposeRun({}, { skill_id: 'acme.report' }),
  'the principal': { ...proposeRun(), request: { ...proposeRun().request, principal: 'user:eve' } },
};

test.each(Object.entries(changes))('another digest for %s', (_, changed) => {
  expect(seal(changed).requestSha256).not.toBe(seal(proposeRun()).requestSha256);
});

test('another digest for other policies, the same for the same call', () => {
  expect(seal(proposeRun(), 'q'.repeat(64)).requestSha256).not.toBe(seal(proposeRun()).requestSha256);
  expect(seal(proposeRun())).toEqual(seal(proposeRun()));
});

test('the digest can be made by anybody: SHA-256 of a prefix line and the sorted JSON of what is bound', () => {
  const { request, payload, summary } = proposeCall('palyra.http.fetch');
  const bound = {
    action: 'tool.execute',
    capabilities: [],
    channel: '',
    device_id: '',
    payload_sha256: createHash('sha256').update(payload).digest('hex'),
    policy_hash: 'p'.repeat(64),
    principal: 'user:ops',
    resource: 'tool:palyra.http.fetch',
    run_id: '',
    session_id: 'session-1',
    skill: '',
    summary,
    tool: 'palyra.http.fetch',
  };
  expect(seal({ request, payload, summary }).requestSha256).toBe(
    createHash('sha256')
      .update(`palyra.request/1\n${JSON.stringify(bound)}`)
      .digest('hex'),
  );
});

test('the policy hash knows texts, names and configuration, and not their order', () => {
  const [a, b] = [
    { id: 'a', text: 'permit (principal, action, resource);' },
    { id: 'b', text: 'forbid (principal, action, resource);' },
  ];
  const hash = policyHashOf([a, b], { tier: 'c' });
  expect(policyHashOf([b, a], { tier: 'c' })).toBe(hash);
  expect(policyHashOf([a, b], { tier: 'b' })).not.toBe(hash);
  expect(policyHashOf([a], { tier: 'c' })).not.toBe(hash);
  expect(policyHashOf([{ ...a, id: 'c' }, b], { tier: 'c' })).not.toBe(hash);
  expect(policyHashOf([{ ...a, text: `${a.text} ` }, b], { tier: 'c' })).not.toBe(hash);
});
