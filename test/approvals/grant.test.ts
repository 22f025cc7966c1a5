import { describe, expect, test } from 'vitest';
import { findGrant, type Grant, grantRuleOf, newGrant, ruleWords } from '../../src/approvals/grant.ts';
import { type Proposal, variablesSha256 } from '../../src/approvals/proposal.ts';
import { NOW, PUSH, pendingOf, proposeCall, proposeRun, seal } from './samples.ts';

function grantFor(proposal: Proposal): Grant {
  const settlement = { decision: 'allow', decision_scope: 'timeboxed', decision_scope_ttl_ms: 60_000 } as const;
  const grant = newGrant(pendingOf(seal(proposal)), settlement, {
    grantId: '01J00000000000000000000001',
    by: 'user:oncall',
    now: NOW,
  });
  if (grant === undefined) throw new Error('no grant');
  return grant;
}

function isCovered(grant: Grant, proposal: Proposal, now = NOW): boolean {
  return findGrant([grant], seal(proposal), now) !== undefined;
}

test('an allow for one execution makes no grant', () => {
  const settlement = { decision: 'allow', decision_scope: 'once' } as const;
  const at = { grantId: 'g', by: 'user:oncall', now: NOW };
  expect(newGrant(pendingOf(seal(proposeRun())), settlement, at)).toBeUndefined();
});

describe('a grant of a command with a subcommand', () => {
  const grant = grantFor(proposeRun());

  test('is told word for word', () => {
    expect(ruleWords(grant.rule)).toEqual([
      'tool=palyra.process.run',
      'resource=tool:palyra.process.run',
      'argv[0..1]=["git","push"]',
      'executable=/usr/bin/git',
      'cwd=/srv/demo',
      'tier=c',
      'egress=strict',
      'hosts=["git.example.org"]',
      'env=["HOME","PATH"]',
      'workspace=/srv/demo',
      'stdin=none',
      'terminal=none',
      'limits={"timeout_ms":30000,"memory_limit_bytes":1073741824}',
      'principal=user:ops',
      'device=laptop',
      'channel=cli',
      'session=session-1',
    ]);
  });

  test('lets other arguments through, and another input', () => {
    expect(isCovered(grant, proposeRun())).toBe(true);
    expect(isCovered(grant, { ...proposeRun({ argv: ['git', 'push', 'origin'] }), payload: Buffer.from('x') })).toBe(
      true,
    );
  });

  test.each(
    Object.entries({
      'another subcommand': proposeRun({ argv: ['git', 'clean', '-fdx'] }),
      'the subcommand at another place': proposeRun({ argv: ['git', '-C', '/', 'push'] }),
      'a shorter command line': proposeRun({ argv: ['git'] }),
      'another program of that name': proposeRun({ executable: '/srv/demo/git' }),
      'another folder': proposeRun({ cwd: '/' }),
      'another tier': proposeRun({ tier: 'b' }),
      'another egress': proposeRun({ egress: 'none' }),
      'another host': proposeRun({ hosts: ['git.example.org', 'evil.example'] }),
      'another environment': proposeRun({ env_names: ['HOME', 'PATH', 'LD_PRELOAD'] }),
      'another value of a variable': proposeRun({ env_sha256: variablesSha256({ DEBUG: '1' }) }),
      'another workspace': proposeRun({ workspace: '/srv' }),
      'an input': proposeRun({ stdin: 'pipe' }),
      'a terminal': proposeRun({ tty: true }),
      root: proposeRun({ allow_root: true }),
      'other limits': proposeRun({ limits: { timeout_ms: 30_001, memory_limit_bytes: 1_073_741_824 } }),
      'another session': proposeRun({}, { session_id: 'session-2' }),
      'another channel': proposeRun({}, { channel: 'slack:ops' }),
      'another device': proposeRun({}, { device_id: 'phone' }),
      'another principal': { ...proposeRun(), request: { ...proposeRun().request, principal: 'user:eve' } },
      'the tool without a command': proposeCall('palyra.process.run'),
    }),
  )('never %s', (_, proposal) => {
    expect(isCovered(grant, proposal)).toBe(false);
  });

  test('of an older version, which bound less, lets nothing through', () => {
    const { env_sha256: _, workspace: __, stdin: ___, ...older } = grant.rule.command ?? proposeRun().execution ?? PUSH;
    expect(
      isCovered({ ...grant, rule: { ...grant.rule, command: { argv_is_whole: false, ...older } } }, proposeRun()),
    ).toBe(false);
  });

  test('ends with its time, and when it is revoked', () => {
    expect(isCovered(grant, proposeRun(), NOW + 59_999)).toBe(true);
    expect(isCovered(grant, proposeRun(), NOW + 60_000)).toBe(false);
    expect(isCovered({ ...grant, revoked_at_unix_ms: NOW }, proposeRun())).toBe(false);
  });
});

test.each([[['rm', '-rf', 'build']], [['bash', '-c', 'ls']], [['git', 'push']], [['./git', '-c', 'x', 'push']]])(
  'any other command line is granted whole: %j',
  (argv) => {
    const grant = grantFor(proposeRun({ argv }));
    expect(grantRuleOf(pendingOf(seal(proposeRun({ argv })))).command).toMatchObject({ argv, argv_is_whole: true });
    expect(isCovered(grant, proposeRun({ argv }))).toBe(true);
    expect(isCovered(grant, proposeRun({ argv: [...argv, '/'] }))).toBe(false);
  },
);

test('another tool is never granted by its name alone: its whole input is bound', () => {
  const grant = grantFor(proposeCall('palyra.http.fetch'));
  expect(isCovered(grant, proposeCall('palyra.http.fetch'))).toBe(true);
  expect(isCovered(grant, { ...proposeCall('palyra.http.fetch'), payload: Buffer.from('{}') })).toBe(false);
  expect(isCovered(grant, proposeRun())).toBe(false);
});
