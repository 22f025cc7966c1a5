import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Ended, newPlace, PACKAGE, type Place } from '../palyra.ts';

const IS_ROOT = process.getuid?.() === 0;
const SOMEBODY = 65534;
/** what keeps nobody out keeps root out even less: these are run as somebody */
const AS = IS_ROOT ? `setpriv --reuid ${SOMEBODY} --regid ${SOMEBODY} --clear-groups ` : '';

interface Desk extends Place {
  readonly home: string;
  /** run a script in the sandbox, or another line with palyra in it */
  readonly exec: (script: string) => Promise<Ended>;
}

/** Somebody's home, where any command may be run. */
async function newDesk(): Promise<Desk> {
  const place = newPlace();
  const home = dirname(place.folder);
  mkdirSync(join(home, '.config/palyra'), { recursive: true });
  const runner = ['enabled = true', 'allowed_executables = ["*"]', 'allow_interpreters = true'];
  const text = `[tool_call]\nallowed_tools = ["palyra.process.run"]\n[tool_call.process_runner]\n${runner.join('\n')}\n`;
  writeFileSync(join(home, '.config/palyra/palyra.toml'), text);
  if (IS_ROOT) execFileSync('chown', ['-R', `${SOMEBODY}:${SOMEBODY}`, home]);
  const set = await place.bash(`${AS}palyra posture set palyra.process.run always_allow -q`);
  expect(set).toMatchObject({ code: 0 });
  const exec = (script: string) =>
    place.bash(`${AS}palyra exec --report ../report.json -- bash -c "$SCRIPT"`, { env: { SCRIPT: script } });
  return { ...place, home, exec };
}

interface Report {
  readonly protected_files: readonly { path: string; change: string; moved_to: string | null; problem?: string }[];
}

function reportOf({ home }: Desk): Report {
  return JSON.parse(readFileSync(join(home, 'report.json'), 'utf8'));
}

function journalOf({ home }: Desk): { kind: string; payload: Record<string, unknown> }[] {
  const folder = join(home, '.local/state/palyra/journal');
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
  return lines.map((line) => JSON.parse(JSON.parse(line).body));
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (IS_ROOT) execFileSync('chown', ['-R', `${SOMEBODY}:${SOMEBODY}`, folder]);
}

/** What the operator does next, and whether it ran what the command left. */
async function operatorsGit({ bash, home }: Desk, line = 'git status'): Promise<boolean> {
  await bash(`${AS}sh -c '${line}' 2>&1`);
  return existsSync(join(home, 'PWNED'));
}

const TRAP = 'git init -q .; git config core.fsmonitor "echo > ../PWNED; false"';

describe('nothing that a command does to its own files switches the quarantine off', () => {
  const deep = `mkdir .vscode; cd .vscode; perl -e 'for (1..900) { mkdir "a" x 16; chdir "a" x 16 }'`;
  test.each([
    ['a folder that nobody may read', 'mkdir .vscode; chmod 0 .vscode'],
    ['a folder in it that nobody may read', 'mkdir -p .vscode/x; chmod 0 .vscode/x'],
    ['a folder too deep for a path', deep],
    ['a git folder that nobody may search', 'chmod 0 .git'],
    ['hooks that nobody may read', 'chmod 0 .git/hooks'],
    ['a workspace that nobody may write', 'chmod 555 .'],
    ['a workspace that nobody may search', 'chmod 0 .'],
  ])('%s', async (_, script) => {
    const desk = await newDesk();
    const ended = await desk.exec(`${TRAP}; touch .envrc palyra.toml; ${script}`);
    expect(ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('.git/config was created, and is put aside'),
    });
    const moved = reportOf(desk).protected_files.map(({ path, moved_to }) => [
      path,
      moved_to?.split('.quarantined-')[0],
    ]);
    for (const path of ['.envrc', 'palyra.toml', '.git/config']) expect(moved).toContainEqual([path, path]);
    expect(journalOf(desk).at(-1)).toMatchObject({
      kind: 'exec.end',
      payload: { protected_files: reportOf(desk).protected_files },
    });
    expect(await operatorsGit(desk)).toBe(false);
    expect([existsSync(join(desk.folder, '.envrc')), existsSync(join(desk.folder, '.vscode'))]).toEqual([false, false]);
  });

  test.each(['.git', '.git/hooks', '.vscode/x'])(
    '%s that was unreadable before stays so, and can be lived with',
    async (path) => {
      const desk = await newDesk();
      write(desk.folder, { '.git/config': '[core]\n', '.git/hooks/x': '', '.vscode/x/y': '' });
      execFileSync('chmod', ['0', join(desk.folder, path)]);
      const ended = await desk.exec(`chmod 700 ${path}; touch ${path}/z .envrc; mv .git aside; mv .vscode aside; true`);
      expect(ended.code).toBe(0);
      expect(reportOf(desk).protected_files.map((change) => change.path)).toEqual(['.envrc']);
      expect(execFileSync('stat', ['-c', '%a', join(desk.folder, path)], { encoding: 'utf8' })).toBe('0\n');
    },
  );

  test('what cannot be put aside is said, and holds up nothing', async () => {
    const desk = await newDesk();
    // as long as a name may be: none is left for it
    const hooks = 'h'.repeat(255);
    write(desk.folder, { '.git/config': `[core]\n\thooksPath = ${hooks}\n` });
    const ended = await desk.exec(`mkdir ${hooks}; touch .git/hooks palyra.toml`);
    expect(ended.stderr).toContain(`${hooks} was created, and STILL STANDS: it cannot be put aside (ENAMETOOLONG)`);
    expect(reportOf(desk).protected_files).toEqual([
      { path: 'palyra.toml', change: 'created', moved_to: expect.stringMatching(/^palyra\.toml\.quarantined-/) },
      { path: '.git/hooks', change: 'created', moved_to: expect.stringMatching(/^\.git\/hooks\.quarantined-/) },
      { path: hooks, change: 'created', moved_to: null, problem: 'it cannot be put aside (ENAMETOOLONG)' },
    ]);
  });
});

describe('what git obeys is the operator’s', () => {
  const evil = '[core]\n\tfsmonitor = "echo > ../PWNED; false"\n';
  const hook = '#!/bin/sh\necho > ../PWNED\n';
  const repository = { '.git/HEAD': 'ref: refs/heads/main\n', '.git/objects/x': '', '.git/refs/x': '' };
  const own = '[user]\n\tname = o\n\temail = o@example.org\n';

  test.each([
    [
      'another common folder',
      {},
      `mkdir c; cp -r .git/objects .git/refs c; printf '%s' "$E" > c/config; echo ../c > .git/commondir`,
    ],
    [
      'a configuration of a worktree',
      { '.git/config': `${own}[extensions]\n\tworktreeConfig = true\n` },
      `printf '%s' "$E" > .git/config.worktree`,
    ],
    [
      'a configuration that is included',
      { '.git/config': `${own}[include]\n\tpath = ../git.inc\n`, 'git.inc': '' },
      `printf '%s' "$E" > git.inc`,
    ],
    [
      'one that is included and not there yet',
      { '.git/config': `${own}[includeIf "gitdir:**/.git"] path = "../conf/git.inc"\n` },
      `mkdir conf; printf '%s' "$E" > conf/git.inc`,
    ],
    [
      'one that an included one includes',
      {
        '.git/config': `${own}[Include]\npath=../a.inc # first\n`,
        'a.inc': '[include]\n\tpath = conf/b.inc\n',
        'conf/b.inc': '',
      },
      `printf '%s' "$E" > conf/b.inc; mv conf aside && mkdir conf && printf '%s' "$E" > conf/b.inc`,
    ],
    [
      'hooks where the configuration says',
      { '.git/config': `${own}[core]\n\thooksPath = tools/hooks\n`, 'tools/hooks/x': '' },
      `printf '%s' "$H" > tools/hooks/pre-commit; chmod 755 tools/hooks/pre-commit`,
    ],
    [
      'husky’s, which are a folder above',
      {
        '.git/config': `${own}[core]\n\thooksPath = .husky/_\n`,
        '.husky/_/pre-commit': '#!/bin/sh\n. "$(dirname "$0")/../pre-commit"\n',
      },
      `printf '%s' "$H" > .husky/pre-commit`,
    ],
  ] as const)('%s', async (_, files, script) => {
    const desk = await newDesk();
    write(desk.folder, { ...repository, '.git/config': own, ...files });
    if ('.husky/_/pre-commit' in files) execFileSync('chmod', ['755', join(desk.folder, '.husky/_/pre-commit')]);
    const line = 'git status; git commit -q --allow-empty -m x';
    expect(await operatorsGit(desk, line)).toBe(false);
    await desk.exec(`E='${evil}' H='${hook}'; ${script}`);
    expect(await operatorsGit(desk, line)).toBe(false);
  });

  test('hooks where the operator’s own configuration says', async () => {
    const desk = await newDesk();
    write(desk.folder, { ...repository, '.git/config': own });
    write(desk.home, { '.gitconfig': '[core]\n\thooksPath = .githooks\n' });
    await desk.exec(`mkdir .githooks; printf '%s' '${hook}' > .githooks/pre-commit; chmod 755 .githooks/pre-commit`);
    expect(await operatorsGit(desk, 'git commit -q --allow-empty -m x')).toBe(false);
  });

  test('a worktree that a command makes works, and one that it leads elsewhere does not', async () => {
    const desk = await newDesk();
    write(desk.folder, { ...repository, '.git/config': own });
    const made = await desk.exec('git commit -q --allow-empty -m x && git worktree add -q tree && git -C tree status');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    await desk.exec(`mkdir c; printf '%s' '${evil}' > c/config; echo "$PWD/c" > .git/worktrees/tree/commondir`);
    expect(reportOf(desk).protected_files).toMatchObject([
      { path: '.git/worktrees/tree/commondir', change: 'changed' },
    ]);
  });
});

describe('git repositories below the workspace', () => {
  const nested = 'git init -q s; git -C s config core.fsmonitor "echo > ../../PWNED; false"';
  test.each([
    ['that a command makes', nested, 's/.git', 'created'],
    ['deeper down', `mkdir -p a/b/c; cd a/b/c; ${nested}`, 'a/b/c/s/.git', 'created'],
    ['that are a file', 'git init -q --separate-git-dir=g s', 's/.git', 'created'],
    ['that are bare', 'git init -q --bare b; git -C b config core.fsmonitor x', 'b', 'created'],
    [
      'however deep',
      `mkdir -p ${'d/'.repeat(40)}; cd ${'d/'.repeat(40)}; ${nested}`,
      `${'d/'.repeat(40)}s/.git`,
      'created',
    ],
    ['that get a hook', 'touch old/.git/hooks/post-commit', 'old/.git', 'changed'],
    ['whose hook is written in place', 'echo evil >> old/.git/hooks/pre-push', 'old/.git', 'changed'],
    ['whose hook is a link to what is written', 'echo evil >> shared', 'old/.git', 'changed'],
    ['whose configuration is written in place', 'echo "[x]" >> old/.git/config', 'old/.git', 'changed'],
    ['that are elsewhere, where a file leads', 'echo "[x]" >> node_modules/config', 'linked/.git', 'changed'],
    [
      'that are named after what every object has',
      'git init -q --bare __proto__; touch __proto__/hooks/x',
      '__proto__',
      'created',
    ],
    ['that get another configuration', 'git -C old config core.pager x', 'old/.git', 'changed'],
  ])('%s are named', async (_, script, path, change) => {
    const desk = await newDesk();
    execFileSync('git', ['init', '-q', 'old'], { cwd: desk.folder });
    execFileSync('git', ['init', '-q', '--separate-git-dir=node_modules', 'linked'], { cwd: desk.folder });
    symlinkSync('../../../shared', join(desk.folder, 'old/.git/hooks/pre-commit'));
    write(desk.folder, { 'old/.git/hooks/pre-push': '', shared: '' });
    const ended = await desk.exec(script);
    expect(ended.stderr).toContain(
      `the git repository ${path} was ${change}: its configuration and hooks are the command’s`,
    );
    expect(reportOf(desk)).toMatchObject({ repositories: [{ path, change }] });
    expect(journalOf(desk).at(-1)?.payload).toMatchObject({ repositories: [{ path, change }] });
  });

  test('where folders are not searched, that is said', async () => {
    const desk = await newDesk();
    expect((await desk.exec('mkdir d{1..399}')).stderr).toBe('');
    expect(reportOf(desk)).toMatchObject({ repositories_searched: true });
    expect((await desk.exec('mkdir e')).stderr).toContain('not all folders were searched');
    expect(reportOf(desk)).toMatchObject({ repositories_searched: false });
    expect(journalOf(desk).at(-1)?.payload).toMatchObject({ repositories_searched: false });
    // it was so before: told in the report alone
    expect((await desk.exec('true')).stderr).toBe('');
    expect(reportOf(desk)).toMatchObject({ repositories_searched: false });
    const closed = await (await newDesk()).exec('mkdir -p d/s; chmod 0 d');
    expect(closed.stderr).toContain('not all folders were searched');
  });

  const ofItself =
    'git init -q --bare .; git config core.bare false; git config core.worktree .; git config core.fsmonitor "echo > ../PWNED; false"';
  test.each([
    ['a configuration', ofItself],
    [
      'another common folder',
      `git init -q s; mv s/.git g; git -C g config core.fsmonitor "echo > ../PWNED; false"; cp g/HEAD .; echo g > commondir`,
    ],
  ])('a workspace that a command makes one itself, with %s, is none afterwards', async (_, script) => {
    const desk = await newDesk();
    // not git's, though git would obey them
    write(desk.folder, { 'hooks/useful': '', 'lib/x': '' });
    const ended = await desk.exec(script);
    expect(ended.stderr).toContain('HEAD was created, and is put aside as HEAD.quarantined-');
    expect(reportOf(desk)).toMatchObject({ protected_files: [{ path: 'HEAD', change: 'created' }] });
    expect(await operatorsGit(desk)).toBe(false);
    expect(readdirSync(join(desk.folder, 'hooks'))).toContain('useful');
  });

  test('a workspace that is a bare repository can be worked in, and what git obeys in it not be written', async () => {
    const desk = await newDesk();
    execFileSync('git', ['init', '-q', '--bare', '.'], { cwd: desk.folder });
    write(desk.folder, {});
    expect(await desk.exec('touch made')).toMatchObject({ code: 0, stderr: '' });
    expect(reportOf(desk)).toMatchObject({ repositories: [], outcome: 'exited' });
    expect(await desk.exec('git config core.fsmonitor x')).toMatchObject({ code: 4 });
    expect(await desk.exec('touch hooks/x')).toMatchObject({ code: 1 });
    expect(reportOf(desk)).toMatchObject({ repositories: [], protected_files: [] });
  });

  test('a plain one that a command makes of the workspace stays, and a HEAD that is something else', async () => {
    const desk = await newDesk();
    expect(await desk.exec('echo prose > HEAD')).toMatchObject({ code: 0, stderr: '' });
    expect(await desk.exec('rm HEAD; git init -q --bare .')).toMatchObject({ code: 0, stderr: '' });
    expect(reportOf(desk)).toMatchObject({ repositories: [], protected_files: [] });
    expect(existsSync(join(desk.folder, 'HEAD'))).toBe(true);
  });

  test('what is there, is only used, or is a plain clone, is not', async () => {
    const desk = await newDesk();
    execFileSync('git', ['init', '-q', 'old'], { cwd: desk.folder });
    write(desk.folder, {});
    const script = 'git init -q new; git -C old commit -q --allow-empty -m x; mkdir node_modules; touch node_modules/x';
    const ended = await desk.exec(`export GIT_AUTHOR_NAME=o EMAIL=o@example.org GIT_COMMITTER_NAME=o; ${script}`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(reportOf(desk)).toMatchObject({ repositories: [], protected_files: [] });
  });
});

describe('two commands in one workspace', () => {
  const PLANTED = ['.envrc', '.idea', '.git/hooks'];
  const MAKE = `touch .envrc; ln .envrc kept; ln -s . .idea; mkdir .git/hooks; touch .git/hooks/x; ${TRAP.replaceAll('.;', 's;').replace('git config', 'git -C s config')}`;
  /** whatever was put aside meanwhile is put back in its place, the same file */
  const RESTORE = `for f in .envrc .idea .git/hooks; do mv $f.quarantined-* $f; done; ln -f kept .envrc; mv .git/hooks h; mv h .git/hooks; true`;

  interface Running {
    readonly ended: Promise<Ended>;
    readonly report: () => Report & { readonly repositories: readonly { path: string }[] };
    readonly killed: () => Promise<void>;
    /** let it go on */
    readonly go: () => Promise<Ended>;
  }

  /** A command that does something, then waits to be told to do the rest. */
  async function begin(desk: Desk, name: string, first: string, rest = 'true'): Promise<Running> {
    const script = `{ ${first}; } 2>/dev/null; touch ${name}-began; while [ ! -e ${name}-go ]; do sleep 0.02; done; { ${rest}; } 2>/dev/null`;
    const run = `palyra exec --report ../${name}.json -- bash -c "$SCRIPT"`;
    const ended = desk.bash(`${AS}sh -c 'echo $$ > ../${name}.pid; exec ${run}'`, { env: { SCRIPT: script } });
    const has = (path: string) => existsSync(join(desk.folder, path));
    for (let tries = 0; !has(`${name}-began`) && tries < 500; tries++) await sleep(20);
    expect(has(`${name}-began`)).toBe(true);
    return {
      ended,
      report: () => JSON.parse(readFileSync(join(desk.home, `${name}.json`), 'utf8')),
      killed: async () => {
        process.kill(Number(readFileSync(join(desk.home, `${name}.pid`), 'utf8')), 'SIGKILL');
        await ended;
        await sleep(300);
      },
      go: async () => {
        writeFileSync(join(desk.folder, `${name}-go`), '');
        return await ended;
      },
    };
  }

  async function newWorkspace(): Promise<Desk> {
    const desk = await newDesk();
    write(desk.folder, {
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/objects/x': '',
      '.git/refs/x': '',
      '.git/config': '[core]\n',
      '.npmrc': 'mine\n',
    });
    return desk;
  }

  function expectNothingObeyed({ folder }: Desk): void {
    expect(PLANTED.filter((path) => existsSync(join(folder, path)))).toEqual([]);
    expect(readFileSync(join(folder, '.npmrc'), 'utf8')).toBe('mine\n');
  }

  test('what the first made is not the operator’s for the second: the first ends first', async () => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE);
    const second = await begin(desk, 'b', 'true', RESTORE);
    await first.go();
    expect(first.report().protected_files.map(({ path }) => path)).toEqual(expect.arrayContaining(PLANTED));
    expect(first.report().repositories).toMatchObject([{ path: 's/.git' }]);
    expect(await second.go()).toMatchObject({ code: 0, stderr: expect.stringContaining('.envrc was created') });
    expectNothingObeyed(desk);
    expect(second.report().repositories).toMatchObject([{ path: 's/.git' }]);
  });

  test('the second ends first', async () => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE, RESTORE);
    const second = await begin(desk, 'b', 'true');
    await second.go();
    expect(second.report().protected_files.map(({ path }) => path)).toEqual(expect.arrayContaining(PLANTED));
    expectNothingObeyed(desk);
    await first.go();
    expectNothingObeyed(desk);
  });

  test('a third that begins when the first has ended is not taken in by the second', async () => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE);
    const second = await begin(
      desk,
      'b',
      'true',
      `${RESTORE}; touch b-restored; while [ ! -e b-end ]; do sleep 0.02; done`,
    );
    await first.go();
    const ended = second.go();
    for (let tries = 0; !existsSync(join(desk.folder, 'b-restored')) && tries < 500; tries++) await sleep(20);
    expect(PLANTED.some((path) => existsSync(join(desk.folder, path)))).toBe(true);
    await desk.exec('true');
    expectNothingObeyed(desk);
    writeFileSync(join(desk.folder, 'b-end'), '');
    await ended;
    expectNothingObeyed(desk);
  });

  test.each([['the first'], ['the second']])('%s is killed', async (who) => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE, RESTORE);
    const second = await begin(desk, 'b', 'true', RESTORE);
    const [killed, other] = who === 'the first' ? [first, second] : [second, first];
    await killed.killed();
    expect((await other.go()).code).toBe(0);
    expectNothingObeyed(desk);
    const next = await desk.exec('true');
    expect(next.stderr).toContain('was cut off');
    expectNothingObeyed(desk);
  });

  test('the next command finishes for the one that was killed, and the other goes on', async () => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE);
    const second = await begin(desk, 'b', 'true', RESTORE);
    await first.killed();
    const next = await desk.exec('true');
    expect(next.stderr).toContain('.envrc was created, and is put aside');
    expect(next.stderr).toContain('the git repository s/.git was created');
    await second.go();
    expectNothingObeyed(desk);
  });

  test('where what was kept of the first cannot be read, that is said', async () => {
    const desk = await newWorkspace();
    const first = await begin(desk, 'a', MAKE);
    const runs = join(desk.home, '.local/state/palyra/runs');
    for (const text of ['', '{}', '{"watched_by":"1 2","before":{"place":1}}']) {
      for (const name of readdirSync(runs)) writeFileSync(join(runs, name), text);
      const next = await desk.exec('true');
      expect(next).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/what was kept of run …\w{6} cannot be read/),
      });
    }
    await first.killed();
    const fixed = await desk.bash(`${AS}palyra doctor --fix`);
    expect(fixed.stdout).toContain('repaired: a command in');
    expect(await desk.exec('true')).toMatchObject({ stderr: '' });
  });
});

describe('a palyra that is killed', () => {
  /** Kill it when its command has made what it wants. */
  async function killed(): Promise<Desk> {
    const desk = await newDesk();
    write(desk.folder, { '.npmrc': '' });
    const nested = TRAP.replace('-q .', '-q s').replace('git config', 'git -C s config');
    const script = `${TRAP}; ${nested}; touch .envrc; ln -s . .idea; echo made; sleep 60`;
    const [program = '', ...words] = `${AS}${process.execPath} ${join(PACKAGE, 'bin/palyra.js')} exec -- bash -c`.split(
      ' ',
    );
    const child = spawn(program, [...words, script], {
      cwd: desk.folder,
      env: { HOME: desk.home, PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    // what it started ends with it, a moment later
    await sleep(300);
    expect(existsSync(join(desk.folder, '.envrc'))).toBe(true);
    expect(journalOf(desk).at(-1)?.kind).toBe('exec.start');
    return desk;
  }

  const put = ['.envrc', '.git/config', '.idea'];

  test('the next command finishes for it, before it looks at what is there', async () => {
    const desk = await killed();
    const dry = await desk.bash(`${AS}palyra --dry-run exec -- true`);
    expect([dry.code, existsSync(join(desk.folder, '.envrc'))]).toEqual([0, true]);
    const next = await desk.exec('ls -A; ls -A .git');
    for (const path of put)
      expect(next.stderr).toContain(`${path} was created, and is put aside as ${path}.quarantined-`);
    expect(next.stderr).toContain('the git repository s/.git was created');
    expect(next.stdout).not.toMatch(/^(\.envrc|config|\.idea)$/m);
    expect(await operatorsGit(desk)).toBe(false);
    const [, start, end] = journalOf(desk);
    expect(end).toMatchObject({
      kind: 'exec.end',
      payload: {
        attestation_id: start?.payload.attestation_id,
        outcome: 'lost',
        workspace: desk.folder,
        repositories: [{ path: 's/.git', change: 'created' }],
        repositories_searched: true,
      },
    });
    const again = await desk.exec('true');
    expect(again.stderr).toBe('');
    expect(await desk.bash(`${AS}palyra doctor`)).toMatchObject({ stdout: expect.not.stringContaining('began') });
  });

  test('doctor names it, and --fix finishes for it', async () => {
    const desk = await killed();
    const looked = await desk.bash(`${AS}palyra doctor --json`);
    expect(JSON.parse(looked.stdout).findings).toContainEqual(
      expect.objectContaining({ code: 'run.cut_off', wrong: false, fixable: true }),
    );
    const fixed = await desk.bash(`${AS}palyra doctor --fix`);
    for (const path of put) expect(fixed.stderr).toContain(`${path} was created, and is put aside`);
    expect(fixed.stderr).toContain('the git repository s/.git was created');
    expect(fixed.stdout).toContain(`repaired: a command in ${desk.folder} began`);
    expect(await operatorsGit(desk)).toBe(false);
    expect(journalOf(desk).at(-1)).toMatchObject({ kind: 'exec.end', payload: { outcome: 'lost' } });
  });

  test('a workspace that is gone, or is another by now, is left alone', async () => {
    const desk = await killed();
    execFileSync('sh', ['-c', 'mv desk other; mkdir desk; touch desk/.envrc'], { cwd: desk.home });
    await desk.bash(`${AS}palyra doctor --fix`);
    expect(readdirSync(desk.folder)).toEqual(['.envrc']);
    expect(journalOf(desk).at(-1)).toMatchObject({
      kind: 'exec.end',
      payload: { protected_files: null, repositories: null },
    });
  });

  test('a beginning of which nothing was kept is named, and written down as ended', async () => {
    const desk = await killed();
    execFileSync('sh', ['-c', 'rm -r .local/state/palyra/runs'], { cwd: desk.home });
    const looked = await desk.bash(`${AS}palyra doctor --json`);
    expect(JSON.parse(looked.stdout).findings).toContainEqual(expect.objectContaining({ code: 'run.unended' }));
    const fixed = await desk.bash(`${AS}palyra doctor --fix --json`);
    expect(JSON.parse(fixed.stdout).findings).toEqual(expect.not.arrayContaining([{ code: 'run.unended' }]));
    expect(JSON.parse(fixed.stdout).repaired).toMatchObject([{ code: 'run.unended' }]);
  });

  test('one that runs is not taken for it', async () => {
    const desk = await newDesk();
    const running = desk.exec('touch .envrc; sleep 4');
    for (let tries = 0; !existsSync(join(desk.folder, '.envrc')) && tries < 100; tries++) await sleep(50);
    const looked = await desk.bash(`${AS}palyra doctor --json`);
    expect(JSON.parse(looked.stdout).findings).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ code: expect.stringMatching(/^run/) })]),
    );
    expect(existsSync(join(desk.folder, '.envrc'))).toBe(true);
    await running;
    expect(reportOf(desk).protected_files).toMatchObject([{ path: '.envrc', change: 'created' }]);
    expect(readdirSync(join(desk.home, '.local/state/palyra/runs'))).toEqual([]);
  });
});
