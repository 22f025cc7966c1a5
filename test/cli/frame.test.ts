import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newPlace, PACKAGE } from '../palyra.ts';

const LIST = ['policy', 'check', '--principal', 'user:ops', '--action', 'tool.list', '--resource', 'tool:any'];
const DENIED = [
  'policy',
  'check',
  '--principal',
  'user:ops',
  '--action',
  'tool.execute',
  '--resource',
  'tool:palyra.echo',
];
const ESCAPE = '\u001b[';

test('what every command loads at once holds no costly package', () => {
  const { inputs }: { inputs: Record<string, { imports: { path: string; kind: string }[] }> } = JSON.parse(
    readFileSync(join(PACKAGE, 'node_modules/.palyra-build.json'), 'utf8'),
  );
  const atOnce = new Set<string>();
  const open = ['src/cli/main.ts'];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (atOnce.has(file)) continue;
    atOnce.add(file);
    for (const { path, kind } of inputs[file]?.imports ?? []) if (kind === 'import-statement') open.push(path);
  }
  expect(atOnce).toContain('src/cli/program.ts');
  const packages = [...atOnce].filter((path) => path.startsWith('node_modules/')).map((path) => path.split('/')[1]);
  expect([...new Set(packages)]).toEqual(['commander']);
  for (const slow of ['node:crypto', 'node:child_process', 'node:zlib', '@cedar-policy/cedar-wasm/nodejs'])
    expect(atOnce).not.toContain(slow);
});

describe('the program that starts palyra', () => {
  const place = mkdtempSync(join(tmpdir(), 'palyra-test-'));
  for (const name of ['bin', 'dist', 'policies', 'package.json'])
    cpSync(join(PACKAGE, name), join(place, name), { recursive: true });
  const version = (...options: string[]) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [...options, join(place, 'bin/palyra.js'), '--version'],
      { encoding: 'utf8' },
    );
    return { stdout, stderr, status };
  };
  const { version: itsVersion } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const itsAnswer = { stdout: `${itsVersion}\n`, stderr: '', status: 0 };

  test('has beside it what V8 knows of palyra, and does the same without', () => {
    const [known, ...others] = readdirSync(join(place, 'dist')).filter((name) => name.endsWith('.v8'));
    expect(others).toEqual([]);
    const path = join(place, 'dist', known ?? '');
    expect(version()).toEqual(itsAnswer);
    for (const change of [
      () => truncateSync(path, 1000),
      () => writeFileSync(path, 'of another V8'),
      () => rmSync(path),
    ]) {
      change();
      expect(version()).toEqual(itsAnswer);
    }
  });

  test('says which Node it needs, and that it has to be built', () => {
    const old = join(place, 'old.cjs');
    writeFileSync(
      old,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.16.1' } });",
    );
    const hint = 'palyra: hint:  node --version\n';
    expect(version('--require', old)).toEqual({
      stdout: '',
      stderr: `palyra: error: palyra needs Node 20.17 or newer\n${hint}`,
      status: 1,
    });
    rmSync(join(place, 'dist'), { recursive: true });
    const build = `palyra: hint:  npm --prefix ${realpathSync(place)} run build\n`;
    expect(version()).toEqual({
      stdout: '',
      stderr: `palyra: error: palyra has not been built\n${build}`,
      status: 1,
    });
  });
});

test('an option given twice is refused, unless it gathers', async () => {
  const { palyra } = newPlace();
  for (const twice of [['--principal', 'user:bob'], ['--principal=user:bob'], ['--config', 'a', '--config', 'b']]) {
    const { code, stdout, stderr } = await palyra([...LIST, ...twice]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^palyra: error: --(principal|config) is given twice\n/);
  }
  expect((await palyra([...LIST, '--capability', 'a', '--capability', 'b'])).code).toBe(0);
});

describe('streams', () => {
  test('the answer is on stdout, and nothing else is', async () => {
    const { palyra } = newPlace();
    const ended = await palyra([...DENIED, '--json']);
    expect(ended).toMatchObject({ stderr: '', code: 10 });
    expect(ended.stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      schema: 'palyra.policy.check/1',
      decision: 'deny',
      posture: { state: 'disabled' },
    });
  });

  test('an error in JSON is one object on stderr', async () => {
    const ended = await newPlace().palyra(['policy', 'check', '--principal', 'a', '--json']);
    expect(ended).toMatchObject({ stdout: '', code: 2 });
    expect(JSON.parse(ended.stderr)).toEqual({
      schema: 'palyra.error/1',
      error: {
        code: 'usage.invalid',
        message: '--action is missing',
        hint: expect.stringContaining('palyra policy check'),
      },
      exit: { code: 2, name: 'usage' },
    });
  });

  test('a deny stays a deny when nobody reads it', async () => {
    const { bash } = newPlace();
    expect((await bash(`palyra ${DENIED.join(' ')} >&-; echo $?`)).stdout).toBe('10\n');
    expect((await bash(`set -o pipefail; palyra ${DENIED.join(' ')} | true; echo $?`)).stdout).toBe('10\n');
  });

  test('an answer that cannot be written is no success', async () => {
    const ended = await newPlace().bash(`palyra ${LIST.join(' ')} > /dev/full`);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('standard output cannot be written') });
    expect(ended.stderr).not.toContain('    at ');
  });
});

describe('colour', () => {
  test.each([
    [{}, [], false],
    [{ FORCE_COLOR: '1' }, [], true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, [], false],
    [{ CLICOLOR_FORCE: '1' }, [], true],
    [{ FORCE_COLOR: '0' }, ['--color', 'always'], true],
    [{ FORCE_COLOR: '1' }, ['--color', 'never'], false],
  ])('with %j and %j: %s', async (env, args, colored) => {
    const ended = await newPlace().palyra([...LIST, ...args], { env });
    expect(ended.stdout.includes(ESCAPE)).toBe(colored);
    expect(ended.stdout).toContain('ALLOW');
  });

  test('JSON is never coloured', async () => {
    expect((await newPlace().palyra([...LIST, '--json', '--color', 'always'])).stdout).not.toContain(ESCAPE);
  });
});

test('a working folder that is gone is said, for programs too', async () => {
  const { bash } = newPlace();
  const gone = 'mkdir gone && cd gone && rmdir ../gone && palyra';
  const { code, stdout, stderr } = await bash(`${gone} --help > /dev/null && palyra approvals list`);
  // the shell that starts palyra here says so, too
  const ours = (text: string): string => text.replaceAll(/^sh: .*\n/gm, '');
  expect([code, stdout, ours(stderr)]).toEqual([
    2,
    '',
    `palyra: error: the working folder is gone
palyra: why:   it was removed or replaced since your shell went there
palyra: hint:  cd .   or go to another folder
`,
  ]);
  const json = await bash(`${gone} --json approvals list`);
  expect([json.code, json.stdout]).toEqual([2, '']);
  expect(JSON.parse(ours(json.stderr)).error).toMatchObject({
    code: 'usage.invalid',
    message: 'the working folder is gone',
  });
});

test('a fresh place is answered, and nothing is written', async () => {
  const { bash, palyra } = newPlace();
  await palyra(LIST);
  expect((await bash('find "$HOME" -newer "$HOME/bin" -type f | grep -v /bin/; ls -A "$HOME"')).stdout).toBe(
    'bin\ndesk\n',
  );
});

test('what is foreign reaches a terminal escaped', async () => {
  const ended = await newPlace().palyra([...DENIED.slice(0, -1), 'tool:\u001b[2K\u202eevil\u200b']);
  expect(ended.stdout).toContain('\\u{1b}[2k\\u{202e}evil\\u{200b}');
  expect(/[\u001b\u202e\u200b]/.test(ended.stdout + ended.stderr)).toBe(false);
});

describe('configuration', () => {
  const USER = `[tool_call]
allowed_tools = ["palyra.echo", "acme.one"]
tool_execute_channel_allowlist = ["cli"]
`;

  test('a project narrows, and what would widen is ignored with a warning', async () => {
    const { bash, palyra, folder } = newPlace();
    await bash('mkdir -p ~/.config/palyra');
    writeFileSync(join(folder, '../.config/palyra/palyra.toml'), USER);
    writeFileSync(
      join(folder, 'palyra.toml'),
      '[tool_call]\nallowed_tools = ["palyra.echo", "palyra.process.run"]\nallow_sensitive_tools = true\n',
    );
    const echo = await palyra([...DENIED, '--channel', 'cli']);
    expect(echo.code).toBe(0);
    expect(echo.stderr).toContain('tool_call.allowed_tools is ignored: a project cannot add palyra.process.run');
    expect(echo.stderr).toContain('tool_call.allow_sensitive_tools is ignored: a project cannot switch it on');
    const one = await palyra([...DENIED.slice(0, -1), 'tool:acme.one', '--channel', 'cli']);
    expect(one).toMatchObject({ code: 10, stdout: expect.stringContaining('tool.execute.tool_not_allowlisted') });
  });

  test('gates that share nobody let nobody pass', async () => {
    const { bash, palyra, folder } = newPlace();
    await bash('mkdir -p ~/.config/palyra');
    writeFileSync(join(folder, '../.config/palyra/palyra.toml'), USER);
    writeFileSync(join(folder, 'palyra.toml'), '[tool_call]\ntool_execute_channel_allowlist = ["slack:ops"]\n');
    for (const channel of ['cli', 'slack:ops']) {
      const ended = await palyra([...DENIED, '--channel', channel]);
      expect(ended).toMatchObject({ code: 10, stdout: expect.stringContaining('channel_not_allowlisted') });
    }
  });

  test("a project's policies may only forbid", async () => {
    const { palyra, folder } = newPlace();
    writeFileSync(join(folder, 'palyra.toml'), '[policy]\npaths = ["p.cedar"]\n');
    writeFileSync(
      join(folder, 'p.cedar'),
      '@id("all") permit (principal, action, resource);\n@id("no_list") forbid (principal, action == Action::"tool.list", resource);\n',
    );
    const denied = await palyra(LIST);
    expect(denied).toMatchObject({ code: 10, stdout: expect.stringContaining('no_list') });
    expect(denied.stderr).toContain("all is ignored: a project's policies may only forbid");
    expect((await palyra(DENIED)).code).toBe(10);
  });

  test.each([
    [
      '[tool_call]\nallowed_tool = ["a"]\n',
      /c\.toml:2: unknown key tool_call\.allowed_tool[\s\S]*did you mean tool_call\.allowed_tools/,
    ],
    ['[tool_call]\nallowed_tools = "a"\n', /c\.toml:2: tool_call\.allowed_tools is a list/],
    [
      '[tool_call.process_runner]\ntimeout_ms = -1\n',
      /c\.toml:2: tool_call\.process_runner\.timeout_ms is a whole number/,
    ],
    ['[tool_call\n', /c\.toml:1:\d+: not TOML/],
    ['[nothing]\n', /c\.toml:1: unknown key nothing/],
  ])('%j is refused with its line', async (text, expected) => {
    const { palyra, folder } = newPlace();
    writeFileSync(join(folder, 'c.toml'), text);
    const ended = await palyra([...LIST, '--config', 'c.toml']);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(expected);
  });

  test('palyra init keeps its comments apart from long lists', async () => {
    const { palyra } = newPlace();
    const names = ['git', 'npm', 'make', 'cargo', 'rustc'].flatMap((name) => ['--executable', name]);
    const { stdout } = await palyra(['init', '--dry-run', ...names]);
    expect(stdout).toContain('["git","npm","make","cargo","rustc"] # ["git", "npm"]');
  });

  test('palyra init writes what palyra reads, and never overwrites', async () => {
    const { palyra, bash } = newPlace();
    expect((await palyra(['init', '--tool', 'palyra.echo'])).code).toBe(0);
    expect((await palyra(DENIED)).code).toBe(0);
    expect((await bash('stat -c %a ~/.config/palyra/palyra.toml')).stdout).toBe('600\n');
    expect((await palyra(['init'])).code).toBe(4);
  });
});

describe('completion', () => {
  test('bash completes nouns, verbs and options, and runs nothing that was only typed', async () => {
    const { bash } = newPlace();
    const ended = await bash(`source <(palyra completion bash)
typed() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _palyra; echo "\${COMPREPLY[@]}"; }
typed palyra pol
typed palyra policy ch
typed palyra policy check --princ
typed palyra '$(touch ran)' ''
ls`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.split('\n')).toEqual([
      'policy',
      'check',
      '--principal',
      expect.not.stringContaining('complete'),
      '',
    ]);
  });

  test.each(['bash', 'zsh', 'fish'])('a script for %s', async (shell) => {
    const ended = await newPlace().palyra(['completion', shell]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('palyra complete --');
  });
});
