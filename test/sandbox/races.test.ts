import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBubblewrap } from '../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../src/adapters/sandbox/machine.ts';
import { lookAgain, lookAtProtected } from '../../src/adapters/sandbox/protected-files.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { readMountInfo, strangeMount } from '../../src/sandbox/mount-info.ts';
import { makeFolders, newFolder, planFor, type Ran, removeFolder, runPlan, type Wish } from './lab.ts';

const IS_ROOT = process.getuid?.() === 0;
const OWNER = 65534;

let home: string;
let workspace: string;

/** A home with a workspace in it, as another command that writes there would find it. */
beforeAll(() => {
  home = newFolder('race');
  workspace = join(home, 'work');
});

afterAll(() => removeFolder(home));

function makeHome(): void {
  removeFolder(workspace);
  makeFolders(join(workspace, '.vscode'), join(workspace, '.git/hooks'), join(workspace, 'state'));
  writeFileSync(join(workspace, '.git/config'), '[core]\n');
  writeFileSync(join(home, 'secret'), 'the secret\n');
  writeFileSync(join(home, '.bashrc'), 'mine\n');
  if (!IS_ROOT) return;
  for (const path of ['', '.vscode', '.git', '.git/hooks', '.git/config', 'state'])
    chownSync(join(workspace, path), OWNER, OWNER);
  chownSync(home, OWNER, OWNER);
}

/** Run a command while somebody changes the workspace after the look and before the mounts. */
async function runRaced(meanwhile: string, argv: readonly [string, ...string[]], wish: Wish = {}): Promise<Ran> {
  makeHome();
  const plan = planFor(workspace, argv, wish);
  const machine = lookAtMachine();
  const bwrap = join(home, 'bwrap');
  // the last of them is the sandbox, also where another one is around it
  writeFileSync(
    bwrap,
    `#!/bin/sh\ncase $1 in --args) cd ${workspace}; ${meanwhile};; esac\ncd /; exec ${machine.programs.bwrap} "$@"\n`,
  );
  chmodSync(bwrap, 0o755);
  chmodSync(home, 0o755);
  return await runPlan(openBubblewrap({ ...machine, programs: { ...machine.programs, bwrap } }, { tty: false }), plan);
}

const FIND = [
  'sh',
  '-c',
  'echo begun; find / -path /usr -prune -o -path /proc -prune -o -name secret -print 2>/dev/null',
] as const;

describe('what is inside is what was looked at', () => {
  test.each([
    ['a protected folder becomes a link upwards', 'mv .vscode v; ln -s .. .vscode', {}],
    ['a folder on the way becomes a link', 'mv .git g; ln -s .. .git; mkdir ../hooks; touch ../config', {}],
    ['a protected folder becomes another', 'mv .vscode v; mkdir .vscode', {}],
    ['a protected file becomes a link to another', 'mv .git/config c; ln -s ../../secret .git/config', {}],
    [
      'the workspace becomes a link upwards',
      'cd ..; mv work w; ln -s . work; mkdir .vscode .git .git/hooks; touch .git/config',
      {},
    ],
    ['the workspace becomes another', 'cd ..; mv work w; cp -r w work', {}],
    ['behind relays', 'mv .vscode v; ln -s .. .vscode', { hosts: parseHostRules(['registry.example.org'], []) }],
    ['as root that stays root', 'mv .vscode v; ln -s .. .vscode', { allowRoot: true }],
  ] as const)('%s', async (_, meanwhile, wish) => {
    const { execution, stdout } = await runRaced(meanwhile, FIND, wish);
    expect(execution.ending).toMatchObject({ outcome: 'setup_failed', exitCode: 125 });
    expect(stdout).toBe('');
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).toBe('mine\n');
  });

  test('a workspace that nobody changed is none of these', async () => {
    for (const wish of [{}, { hosts: parseHostRules(['registry.example.org'], []) }, { allowRoot: true }]) {
      const hidden = [{ path: join(workspace, 'state'), kind: 'folder' as const }];
      const { stdout } = await runRaced(':', FIND, { ...wish, hidden });
      expect(stdout).toBe('begun\n');
    }
  });
});

describe('the mounts inside are those that were planned', () => {
  const line = (path: string, root: string, device = '8:1') => `1 1 ${device} ${root} ${path} rw - ext4 /dev/sda1 rw`;
  const judge = (change: (lines: readonly string[]) => readonly string[]) => {
    makeHome();
    const plan = planFor(workspace, ['true']);
    const planned = plan.mounts.filter(
      ({ kind, path }) => kind !== 'link' && kind !== 'seal' && !(kind === 'text' && path.startsWith('/etc/')),
    );
    const lines = [line('/', '/newroot'), ...planned.map(({ path }) => line(path, path))];
    const host = () => readMountInfo(line(`${workspace}/a\\040disk`, '/', '9:9'));
    return strangeMount(plan, readMountInfo(change(lines).join('\n')), host);
  };

  test.each<[string, (lines: readonly string[]) => readonly string[], RegExp | undefined]>([
    ['as planned', (lines) => lines, undefined],
    [
      'with what the host has mounted below',
      (lines) => [...lines, line(`${workspace}/a\\040disk`, '/', '9:9')],
      undefined,
    ],
    ['something else below', (lines) => [...lines, line(`${workspace}/a\\040disk`, '/home', '9:9')], /a disk/],
    ['one above the workspace', (lines) => [...lines, line(home, home)], /is mounted at/],
    ['a second one on the system', (lines) => [...lines, line('/usr', home)], /is mounted at \/usr/],
    ['one among the devices', (lines) => [...lines, line('/dev/pts', home)], /is mounted at \/dev\/pts/],
    ['one in proc', (lines) => [...lines, line('/proc/sys', home)], /is mounted at \/proc\/sys/],
    ['another root', (lines) => [...lines.slice(0, -1), line(`${workspace}/.vscode`, home)], /is mounted at/],
    ['one less', (lines) => lines.filter((one) => !one.includes('.vscode')), /nothing is mounted at/],
    ['no workspace', () => [line('/', '/newroot')], /is not mounted/],
  ])('%s', (_, change, expected) => {
    const strange = judge(change);
    if (expected === undefined) expect(strange).toBeUndefined();
    else expect(strange).toMatch(expected);
  });
});

describe('cleaning up happens in the workspace that was looked at', () => {
  test('a link in its place is not followed', () => {
    makeHome();
    const before = lookAtProtected(workspace);
    renameSync(workspace, join(home, 'moved'));
    symlinkSync('.', workspace);
    writeFileSync(join(home, 'moved/.envrc'), '');
    const changes = lookAgain(before, 'mark');
    before.folder.close();
    expect(changes).toEqual([{ path: '.envrc', change: 'created', movedTo: '.envrc.quarantined-mark' }]);
    expect(readdirSync(join(home, 'moved'))).toContain('.envrc.quarantined-mark');
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).toBe('mine\n');
    removeFolder(join(home, 'moved'));
  });

  test('a link on the way is not followed', () => {
    makeHome();
    const before = lookAtProtected(workspace);
    makeFolders(join(home, 'outside/hooks'));
    writeFileSync(join(home, 'outside/hooks/post-commit'), '');
    renameSync(join(workspace, '.git'), join(workspace, 'git'));
    symlinkSync('../outside', join(workspace, '.git'));
    const changes = lookAgain(before, 'mark');
    before.folder.close();
    expect(changes.filter(({ movedTo }) => movedTo !== null)).toEqual([
      { path: '.git', change: 'created', movedTo: '.git.quarantined-mark' },
    ]);
    expect(readdirSync(join(home, 'outside'))).toEqual(['hooks']);
    expect(lstatSync(dirname(workspace)).isDirectory()).toBe(true);
  });

  test('what was moved away and back is not taken for untouched', () => {
    makeHome();
    const before = lookAtProtected(workspace);
    for (const path of ['.vscode', '.git/config']) {
      renameSync(join(workspace, path), join(workspace, 'away'));
      renameSync(join(workspace, 'away'), join(workspace, path));
    }
    const changes = lookAgain(before, 'mark');
    before.folder.close();
    expect(changes.map(({ path, change }) => [path, change])).toEqual([
      ['.vscode', 'changed'],
      ['.git/config', 'changed'],
    ]);
  });

  test('a workspace that is a link by now is not looked at', () => {
    makeHome();
    renameSync(workspace, join(home, 'moved'));
    symlinkSync('.', workspace);
    expect(() => lookAtProtected(workspace)).toThrow();
    expect(() => lookAtProtected(join(workspace, 'moved'))).toThrow('is not what it was');
    removeFolder(workspace);
    removeFolder(join(home, 'moved'));
  });
});
