import { describe, expect, test } from 'vitest';
import { findGrant, type Grant, grantRuleOf, grantTerm, newGrant, ruleWords } from '../../src/approvals/grant.ts';
import { type ExecutionContext, type Proposal, variablesSha256 } from '../../src/approvals/proposal.ts';
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
      'the tool without a command': withoutCommand(proposeRun()),
      'another skill': proposeRun({}, { skill_id: 'acme.report' }),
      'another action': { ...proposeRun(), request: { ...proposeRun().request, action: 'tool.list' } },
      'the tool by another name of its resource': {
        ...proposeRun(),
        request: { ...proposeRun().request, resource: 'palyra.process.run' },
      },
    }),
  )('never %s', (_, proposal) => {
    expect(isCovered(grant, proposal)).toBe(false);
  });

  test.each(['env_sha256', 'limits', 'workspace', 'stdin', 'tty', 'allow_root'] as const)(
    'of an older version, which did not bind %s, lets nothing through, not even a call of that version',
    (part) => {
      const { command } = grant.rule;
      const { execution } = proposeRun();
      for (const gone of [undefined, null]) {
        const older = { ...grant, rule: { ...grant.rule, command: { ...command, [part]: gone } } } as Grant;
        expect(isCovered(older, proposeRun())).toBe(false);
        const call = { ...seal(proposeRun()), execution: { ...execution, [part]: gone } as ExecutionContext };
        expect(findGrant([older], call, NOW)).toBeUndefined();
      }
    },
  );

  test('ends with its time, and when it is revoked', () => {
    expect(isCovered(grant, proposeRun(), NOW + 59_999)).toBe(true);
    expect(isCovered(grant, proposeRun(), NOW + 60_000)).toBe(false);
    expect(isCovered({ ...grant, revoked_at_unix_ms: NOW }, proposeRun())).toBe(false);
    expect(isCovered({ ...grant, expires_at_unix_ms: null, revoked_at_unix_ms: null }, proposeRun())).toBe(true);
  });

  test('says until when it holds, or who ended it', () => {
    const { expires_at_unix_ms: _, ...forSession } = grant;
    expect(grantTerm(grant, NOW)).toBe('until 2027-01-15T08:01:00Z');
    expect(grantTerm(forSession, NOW)).toBe('for the session');
    expect(grantTerm(grant, NOW + 60_000)).toBe('expired');
    const revoked = { ...grant, revoked_at_unix_ms: NOW };
    expect(grantTerm({ ...revoked, revoked_by: 'user:ann' }, NOW + 60_000)).toBe('revoked by user:ann');
    expect(grantTerm(revoked, NOW)).toBe('revoked by somebody');
  });

  test('of a command that gets more is told with what it gets', () => {
    const env_sha256 = variablesSha256({ DEBUG: '1' });
    const { rule } = grantFor(proposeRun({ env_sha256, stdin: 'pipe', tty: true, allow_root: true, hosts: [] }));
    expect(ruleWords(rule)).toEqual(
      expect.arrayContaining([
        ...['hosts=[]', `values of env sha256=${env_sha256}`],
        ...['stdin=passed on', 'terminal=passed on', 'as root'],
      ]),
    );
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
  const asked = proposeCall('palyra.http.fetch');
  expect(findGrant([grant], { ...seal(asked), execution: PUSH }, NOW)).toBeUndefined();
  const { payloadSha256 } = seal(asked);
  const words = ['tool=palyra.http.fetch', 'resource=tool:palyra.http.fetch', `input sha256=${payloadSha256}`];
  const who = ['principal=user:ops', 'device=none', 'channel=none', 'session=session-1'];
  expect(ruleWords(grant.rule)).toEqual([...words, ...who]);
  // as other programs write what is left out
  expect(ruleWords({ ...grant.rule, command: null })).toEqual([...words, ...who]);
  expect(findGrant([{ ...grant, rule: { ...grant.rule, command: null } }], seal(asked), NOW)).toBeDefined();
});

test('a rule names its skill, and its action where there is no tool', () => {
  const skill = proposeCall('palyra.plugin.run', { skill_id: 'acme.report' });
  expect(ruleWords(grantFor(skill).rule)).toContain('skill=acme.report');
  const request = { principal: 'user:ops', action: 'memory.purge', resource: 'memory:all', context: {} };
  const { rule } = grantFor({ request, payload: Buffer.from(''), summary: '' });
  expect(ruleWords(rule).slice(0, 2)).toEqual(['action=memory.purge', 'resource=memory:all']);
});

function withoutCommand({ execution: _, ...proposal }: Proposal): Proposal {
  return proposal;
}
