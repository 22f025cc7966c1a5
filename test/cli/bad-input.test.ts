import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, newPlace } from '../palyra.ts';

const place = newPlace();
const write = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(place.folder, name), text);
  return name;
};
const request = { principal: 'user:ops', action: 'tool.list', resource: 'tool:any' };
const check = (text: string | Uint8Array): Promise<Ended> =>
  place.palyra(['policy', 'check', '--request', '-'], { input: text });
const good = JSON.stringify(request);

/** A refusal: the code, the beginning of what is said, and neither an answer nor a stack. */
function expectRefusal({ stdout, stderr, code }: Ended, exit: number, said: string | RegExp): void {
  expect(stderr).toMatch(said);
  expect(stderr).toMatch(/^palyra: error: /);
  expect(stderr).not.toMatch(/^\s+at |node:internal|this is a bug/m);
  expect(stderr.length).toBeLessThan(4000);
  expect(stdout).toBe('');
  expect(code).toBe(exit);
}

describe('a request that is not one is refused with what is wrong', () => {
  const deep = 100_000;
  const cases: readonly (readonly [string, string | Uint8Array, string | RegExp])[] = [
    ['nothing', '', 'line 1, column 1'],
    ['invalid JSON', '{"principal":"a",\n  "action" "b"}', 'line 2, column 12: a colon is expected'],
    ['a list', '[]', 'a request is a JSON object, not a list'],
    ['an unknown key', '{"principal":"a","action":"b","resource":"c","contxt":{}}', 'did you mean context'],
    [
      'an unknown key of the context',
      '{"principal":"a","action":"b","resource":"c","context":{"chanel":"x"}}',
      'did you mean channel',
    ],
    ['a number', '{"principal":1,"action":"b","resource":"c"}', 'principal is a text, not a number'],
    ['null', '{"principal":null,"action":"b","resource":"c"}', 'principal is a text, not null'],
    ['a missing key', '{"principal":"a","action":"b"}', 'resource is missing'],
    ['a NUL in a text', '{"principal":"a\\u0000","action":"b","resource":"c"}', 'principal holds a NUL'],
    ['a raw NUL', '{"principal":"a\0","action":"b","resource":"c"}', 'not valid JSON'],
    ['half a surrogate pair', '{"principal":"\\ud800","action":"b","resource":"c"}', 'half a surrogate pair'],
    ['invalid UTF-8', Buffer.from('{"principal":"\xff"}', 'latin1'), 'not UTF-8'],
    [
      '__proto__',
      '{"principal":"a","action":"b","resource":"c","__proto__":{"x":1}}',
      'unknown key in request: __proto__',
    ],
    [
      '__proto__ in the context',
      '{"principal":"a","action":"b","resource":"c","context":{"__proto__":{}}}',
      'unknown key in context: __proto__',
    ],
    [
      'constructor',
      '{"principal":"a","action":"b","resource":"c","context":{"constructor":"x"}}',
      'unknown key in context: constructor',
    ],
    ['a key twice', '{"principal":"a","principal":"root","action":"b","resource":"c"}', 'is there twice'],
    [
      'a configuration of its own',
      '{"principal":"a","action":"b","resource":"c","config":{}}',
      'unknown key in request: config',
    ],
    ['10 MB', JSON.stringify({ ...request, principal: 'x'.repeat(10_000_000) }), 'too large'],
    ['1 MB', JSON.stringify({ ...request, principal: 'x'.repeat(1_000_000) }), 'principal is too long'],
    ['lists nested 100,000 deep', '['.repeat(deep) + ']'.repeat(deep), 'nested too deep'],
    ['objects nested 100,000 deep', `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`, 'nested too deep'],
    ['lists left open', '['.repeat(deep), 'nested too deep'],
    [
      'a million capabilities',
      JSON.stringify({ ...request, context: { capabilities: Array(500_000).fill('a') } }),
      'context.capabilities has 500000 texts',
    ],
    [
      'an escape',
      '{"principal":"a","action":"b","resource":"c","\\u001b[2J":1}',
      /unknown key in request: \\u\{1b\}\[2J/,
    ],
  ];
  for (const [name, text, said] of cases) {
    test(name, async () => {
      expectRefusal(await check(text), 2, said);
    });
  }
});

describe('an allowlisted name authorises no other resource', () => {
  const allowed = newPlace();
  writeFileSync(
    join(allowed.folder, 'all.toml'),
    'tool_call.allowed_tools = ["palyra.echo"]\ntool_call.allowed_skills = ["acme"]',
  );
  const ask = (action: string, resource: string, flag: string, name: string): Promise<Ended> =>
    allowed.palyra([
      '--config',
      'all.toml',
      'policy',
      'check',
      '--principal',
      'a',
      '--action',
      action,
      '--resource',
      resource,
      flag,
      name,
    ]);
  const others = [
    'skill:foo',
    'skill:palyra.echo',
    'tool: ',
    'tool:',
    ' ',
    'memory:x',
    'tool:shell',
    'shell',
    'tool :palyra.echo',
    'tool:palyra.echo\u200b',
  ];

  test.each(others)('tool.execute of %j with the tool palyra.echo is refused', async (resource) => {
    expectRefusal(await ask('tool.execute', resource, '--tool', 'palyra.echo'), 2, 'tool_name and resource contradict');
  });

  test.each(['tool:acme', 'tool:foo', 'skill: ', ' ', 'memory:x'])(
    'skill.execute of %j with the skill acme is refused',
    async (resource) => {
      expectRefusal(await ask('skill.execute', resource, '--skill', 'acme'), 2, 'skill_id and resource contradict');
    },
  );

  test('and its own resource is allowed', async () => {
    for (const resource of ['tool:palyra.echo', 'palyra.echo', 'TOOL:Palyra.echo ']) {
      expect((await ask('tool.execute', resource, '--tool', 'palyra.echo')).code).toBe(0);
    }
    expect((await ask('skill.execute', 'skill:acme', '--skill', 'acme')).code).toBe(0);
  });
});

test('a home that is a file is the system’s no, and nothing is a bug', async () => {
  for (const args of [
    ['exec', '--', 'true'],
    ['tokens', 'list'],
  ]) {
    const { code, stdout, stderr } = await place.palyra(args, { env: { HOME: '/dev/null' } });
    expect({ code, stdout }).toEqual({ code: 14, stdout: '' });
    expect(stderr).toContain('/dev/null');
    expect(stderr).not.toContain('bug');
  }
});

describe('a file that cannot be read', () => {
  test('is missing, a folder, or a FIFO without a writer', async () => {
    mkdirSync(join(place.folder, 'folder'));
    execFileSync('mkfifo', [join(place.folder, 'fifo')]);
    expectRefusal(await place.palyra(['policy', 'check', '--request', 'nowhere']), 3, 'no such request: nowhere');
    expectRefusal(await place.palyra(['policy', 'check', '--request', 'folder']), 2, 'is a folder');
    expectRefusal(await place.palyra(['policy', 'check', '--request', 'fifo']), 2, 'is a FIFO');
    expectRefusal(await place.palyra(['policy', 'check', '--batch', 'nowhere']), 3, 'no such file: nowhere');
    expectRefusal(await place.palyra(['policy', 'check', '--batch', 'folder']), 2, 'cannot be read');
    expectRefusal(await place.palyra(['policy', 'fmt', 'nowhere']), 3, 'no such policy file');
    expectRefusal(await place.palyra(['policy', 'show', '--config', 'folder']), 2, 'is a folder');
  });
});

describe('policies', () => {
  const own = (text: string | Uint8Array): Promise<Ended> => {
    write('own.cedar', text);
    return place.palyra(['policy', 'check', '--policies', 'own.cedar', '--request', '-'], { input: good });
  };

  test('that do not parse are refused with file, line, column and the nearest word', async () => {
    expectRefusal(
      await own('permit (\n  princpal, action, resource\n);'),
      2,
      /own\.cedar:2:3: .*princpal[\s\S]*did you mean `principal`/,
    );
    expectRefusal(await own('permit (principal, action, resource)'), 2, /own\.cedar:1:\d+: unexpected end/);
    expectRefusal(await own('permit (principal, action, resource) when { "\\ud800" == "" };'), 2, /own\.cedar:1:/);
    expectRefusal(await own('\0'), 2, /own\.cedar:1:1/);
    expectRefusal(await own(Buffer.from([0xff, 0xfe])), 2, 'own.cedar is not UTF-8');
    expectRefusal(
      await own(`permit (principal, action, resource) when { ${'('.repeat(100_000)}true };`),
      2,
      'own.cedar',
    );
  });

  test('of a folder without any are refused by its name, and so is what is named twice on standard input', async () => {
    mkdirSync(join(place.folder, 'team'));
    const args = ['policy', 'check', '--policies', 'team', '--request', '-'];
    expectRefusal(await place.palyra(args, { input: good }), 2, 'no policy file below team');
    write('team/Late.CEDAR', 'forbid (principal, action, resource);');
    expectRefusal(await place.palyra(args, { input: good }), 2, 'mv team/Late.CEDAR team/Late.cedar');
    expectRefusal(await place.palyra(['policy', 'diff', '-', '-']), 2, 'standard input can be read once');
    for (const kind of ['--request', '--batch']) {
      const both = await place.palyra(['policy', 'check', kind, '-', '--policies', '-'], { input: '// none' });
      expectRefusal(
        { ...both, stderr: both.stderr.replace(/^palyra: warning: .*\n/, '') },
        2,
        'standard input can be read once',
      );
    }
  });

  test('of an empty file are warned of, of a large one refused', async () => {
    const { stderr, code } = await own('');
    expect({ stderr, code }).toEqual({ stderr: 'palyra: warning: own.cedar holds no policy\n', code: 0 });
    expectRefusal(await own(`//${'x'.repeat(8 * 1024 * 1024)}`), 2, 'policy file is too large: own.cedar');
  });

  test('that a palyra.toml names are found below ~/, and for a project only in its folder', async () => {
    const project = newPlace();
    const ask = () => project.palyra(['policy', 'check', '--request', '-'], { input: good });
    const [home, folder] = [dirname(project.folder), project.folder];
    mkdirSync(join(home, '.config/palyra'), { recursive: true });
    writeFileSync(join(home, '.config/palyra/palyra.toml'), 'policy.paths = ["~/own.cedar"]');
    writeFileSync(join(home, 'own.cedar'), '@id("mine") forbid (principal, action, resource);');
    expect((await ask()).stdout).toContain('Forbidden by mine');
    writeFileSync(join(home, 'secret'), 'a private word');
    symlinkSync(join(home, 'secret'), join(folder, 'link.cedar'));
    for (const path of ['../secret', join(home, 'secret'), 'link.cedar', '.', '../nothing']) {
      writeFileSync(join(folder, 'palyra.toml'), `policy.paths = [${JSON.stringify(path)}]`);
      for (const ended of [await ask(), await project.palyra(['policy', 'validate'])]) {
        expectRefusal(ended, 2, 'policy.paths leads out of the project');
        expect(ended.stderr).not.toContain('private');
      }
    }
  });

  test('of one name, or templates, are refused', async () => {
    expectRefusal(
      await own('@id("a") permit(principal, action, resource);@id("a") forbid(principal, action, resource);'),
      2,
      'two policies are called a',
    );
    expectRefusal(
      await own('@id("allow_vault_actions") permit(principal, action, resource);'),
      2,
      'two policies are called',
    );
    expectRefusal(await own('permit(principal == ?principal, action, resource);'), 2, 'is a template');
  });

  test('that do not parse are told of, all of them, in order', async () => {
    write(
      'own.cedar',
      'permit (principl, action, resource);\npermit (principal, actin, resource);\npermit (principal, action, reource);',
    );
    const { stdout } = await place.palyra(['policy', 'validate', 'own.cedar']);
    expect(stdout.match(/own\.cedar:\d+:\d+/g)).toEqual(['own.cedar:1:9', 'own.cedar:2:20', 'own.cedar:3:28']);
    write(
      'own.cedar',
      'permit (principal, action, resource) when { a b };\npermit (principal, action, resource) when { c d };\npermit',
    );
    const syntax = await place.palyra(['policy', 'validate', 'own.cedar']);
    expect(syntax.stdout.match(/own\.cedar:\d+/g)).toEqual(['own.cedar:1', 'own.cedar:2', 'own.cedar:3']);
  });

  test('that stop Cedar are found by their place, with a word on nesting', async () => {
    const nested = `${'('.repeat(200)}true${')'.repeat(200)}`;
    const many = Array.from({ length: 3000 }, (_, i) => `context.channel == "${i}"`).join(' || ');
    for (const condition of [nested, many]) {
      write(
        'own.cedar',
        `// é\npermit (principal, action, resource);\n@id("deep")\nforbid (principal, action, resource)\nwhen { ${condition} };`,
      );
      const { stdout, code } = await place.palyra(['policy', 'validate', 'own.cedar']);
      expect(stdout).toMatch(/^own\.cedar:3:1: error: deep is nested too deep, or has too many terms/);
      expect(code).toBe(6);
    }
    expectRefusal(
      await own(`@id("deep") permit (principal, action, resource) when { ${nested} };`),
      2,
      'own.cedar:1:1: deep is nested too deep',
    );
  });

  test('that do not validate are found by validate', async () => {
    write('own.cedar', 'forbid (principal, action, resource) when { context.nothing == 1 };');
    const { stdout, code } = await place.palyra(['policy', 'validate', 'own.cedar']);
    expect(stdout).toContain('own.cedar:1:45: error: attribute `nothing`');
    expect(code).toBe(6);
  });

  test('that fail deny: an error in a forbid is no allow', async () => {
    const { stdout, code } = await own('@id("f") forbid (principal, action, resource) when { context.nothing == 1 };');
    expect(stdout).toContain('✗ DENY   policy.deny.evaluation_error');
    expect(code).toBe(10);
  });

  test('that trap the engine deny, and later requests are still answered', async () => {
    // 2,000 terms are more than the engine's stack bears
    const terms = Array.from({ length: 2000 }, (_, i) => `context.session_id == "s${i}"`).join(' || ');
    write('trap.cedar', `@id("trap") forbid (principal, action == Action::"cron.list", resource) when { ${terms} };`);
    const lines = Array.from({ length: 40 }, (_, i) =>
      JSON.stringify({
        id: i,
        principal: 'user:ops',
        action: i % 2 === 0 ? 'cron.list' : 'tool.list',
        resource: 'any',
      }),
    );
    const { stdout, code } = await place.palyra(['policy', 'check', '--policies', 'trap.cedar', '--batch', '-'], {
      input: lines.join('\n'),
    });
    const answers: { decision: string }[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers).toHaveLength(40);
    expect(answers.filter((_, i) => i % 2 === 0).map(({ decision }) => decision)).toEqual(Array(20).fill('deny'));
    expect(answers.filter((_, i) => i % 2 === 1).map(({ decision }) => decision)).toEqual(Array(20).fill('allow'));
    expect(code).toBe(10);
  });
});

describe('a batch', () => {
  test('answers a good line after 10,000 bad ones, each of them with an error', async () => {
    const bad = [
      '{',
      '[]',
      'null',
      '{"principal":1}',
      '{"principal":"\\ud800","action":"a","resource":"b"}',
      '\u0000',
      '['.repeat(500),
    ];
    const lines = Array.from({ length: 10_000 }, (_, i) => bad[i % bad.length]);
    const { stdout, stderr, code } = await place.palyra(['policy', 'check', '--batch', '-'], {
      input: [...lines, good].join('\n'),
    });
    const answers: { decision: string; line?: number; error?: object }[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers).toHaveLength(10_001);
    expect(answers.slice(0, -1).every(({ decision, error }) => decision === 'deny' && error !== undefined)).toBe(true);
    expect(answers.at(-1)).toMatchObject({ decision: 'allow' });
    expect(stderr).toBe('');
    expect(code).toBe(2);
  });

  test('may begin with a byte order mark', async () => {
    const { stdout } = await place.palyra(['policy', 'check', '--batch', '-'], { input: `\ufeff${good}\n${good}\n` });
    expect(stdout.match(/"decision":"allow"/g)).toHaveLength(2);
  });

  test('answers overlong and misencoded lines, and goes on', async () => {
    const input = Buffer.concat([
      Buffer.from(`{"principal":"${'x'.repeat(10_000_000)}"}\n`),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from(`\n${good}`),
    ]);
    const { stdout, code } = await place.palyra(['policy', 'check', '--batch', '-'], { input });
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([
      { line: 1, decision: 'deny', error: { code: 'input.too_large' } },
      { line: 2, decision: 'deny', error: { code: 'input.invalid' } },
      { decision: 'allow' },
    ]);
    expect(code).toBe(2);
  });
});

describe('a stream that cannot be written', () => {
  const lines = write('many.jsonl', `${good}\n`.repeat(20_000));

  test('that nobody reads ends quietly, and is no success', async () => {
    const { stdout, stderr } = await place.bash(
      `palyra policy check --batch ${lines} | head -0; echo "\${PIPESTATUS[0]}"`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: '' });
  });

  test('a deny that nobody reads is still a deny', async () => {
    const { stdout, stderr } = await place.bash(
      `palyra policy check --principal user:a --action b --resource c | head -0; echo "\${PIPESTATUS[0]}"`,
    );
    expect({ stdout, stderr: stderr.replace(/^palyra: note:.*\n/, '') }).toEqual({ stdout: '10\n', stderr: '' });
  });

  test('that is full is told, and is a failure; for one that is closed from the start Node opens /dev/null', async () => {
    const closed = await place.bash(`palyra policy check --request - >&- <<< '${good}'; echo "$?" >&2`);
    expect(closed.stderr).toBe('0\n');
    const full = await place.bash(`palyra policy check --request - > /dev/full <<< '${good}'; echo "$?" >&2`);
    expect(full.stderr).toMatch(/^palyra: error: standard output cannot be written\n/);
    expect(full.stderr).toMatch(/\n1\n$/);
    const batch = await place.bash(`palyra policy check --batch ${lines} > /dev/full; echo "$?" >&2`);
    expect(batch.stderr).toMatch(/^palyra: error: standard output cannot be written\n/);
    expect(batch.stderr).toMatch(/\n1\n$/);
  });
});

describe('scenarios', () => {
  const run = (name: string, text: string | Uint8Array): Promise<Ended> =>
    place.palyra(['policy', 'test', write(name, text)]);

  test('that contradict themselves fail by themselves', async () => {
    const self = '{principal: a, action: tool.execute, resource: "tool:x", context: {tool_name: y}}';
    const { stdout, code } = await run(
      'a.yaml',
      `- {name: odd, request: ${self}, expect: deny}\n- {name: even, request: ${good}, expect: allow}`,
    );
    expect(stdout).toContain(
      '✗ odd   a.yaml:1\n      request  expected one that can be decided, got tool_name and resource contradict',
    );
    expect(stdout).toContain('✓ even');
    expect(code).toBe(6);
  });

  test('are not overwritten by their report, which is a file, with each text escaped once', async () => {
    const scenario = write('s.yaml', `- {name: 'a\\b', request: ${good}, expect: {matched_policies: ['c\\d']}}`);
    const junit = (path: string): Promise<Ended> => place.palyra(['policy', 'test', scenario, '--junit', path]);
    expectRefusal(await junit('-'), 2, '--junit writes a file');
    expectRefusal(await junit('./s.yaml'), 2, '--junit would overwrite the scenarios of s.yaml');
    for (const path of ['fifo', '/dev/stdout'])
      expect((await junit(path)).stderr).toContain(`${path} is no regular file`);
    await junit('report.xml');
    const report = readFileSync(join(place.folder, 'report.xml'), 'utf8');
    const [name, failure] = [/<testcase [^>]* name="([^"]*)"/, /<failure[^>]*>([^<]*)/].map(
      (part) => part.exec(report)?.[1],
    );
    const { stdout } = await place.palyra(['policy', 'test', scenario]);
    expect(stdout).toContain(name);
    expect(stdout.replaceAll(/^ +/gm, '')).toContain(failure?.split('&#10;')[1]?.replaceAll('&#34;', '"').trim());
  });

  test('that are too deep, too large, or aliases without end are refused', async () => {
    expectRefusal(await run('a.yaml', '['.repeat(100_000)), 2, 'nested too deep');
    expectRefusal(await run('a.yaml', '- '.repeat(100_000)), 2, 'nested too deep');
    expectRefusal(await run('a.yaml', `${'{a: '.repeat(100_000)}1`), 2, 'nested too deep');
    expectRefusal(await run('a.json', '['.repeat(100_000)), 2, 'nested too deep');
    expectRefusal(await run('a.yaml', `- "${'x'.repeat(10_000_000)}"`), 2, 'too large');
    const bomb = Array.from(
      { length: 9 },
      (_, i) =>
        `a${i}: &a${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*a${i - 1}`)
          .join()}]`,
    );
    expectRefusal(await run('a.yaml', bomb.join('\n')), 2, 'a.yaml is not YAML');
    expectRefusal(await run('a.yaml', Buffer.from([0xff])), 2, 'not UTF-8');
    expectRefusal(await run('a.yaml', ''), 2, 'a.yaml holds no scenarios: it is empty');
    expectRefusal(await run('a.yaml', '? [q] : 1'), 2, 'a.yaml:1:3: a key is a text, not a list or a table');
    expectRefusal(await run('a.yaml', '- !!js/function x'), 2, 'a.yaml:1:3: not YAML');
    expectRefusal(await run('a.yaml', '- a\n---\n- b'), 2, 'a.yaml:2:1: a second document begins here');
    expectRefusal(await run('a.yaml', '[]'), 2, 'no scenarios');
    expectRefusal(
      await run('a.yaml', '- {name: a, __proto__: {x: 1}, request: {}, expect: deny}'),
      2,
      'a.yaml:1: unknown key in a scenario: __proto__',
    );
  });
});
