import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBubblewrap } from '../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../src/adapters/sandbox/machine.ts';
import { makeFolders, newFolder, planFor, type Ran, removeFolder, runPlan } from './lab.ts';

const IS_ROOT = process.getuid?.() === 0;
const OWNER = 1000;
const NOBODY = 65534;

let lab: string;
let secret: string;
let canary: ChildProcess;
let server: Server;
let port = 0;
let shm = '0';
let abstract: ChildProcess;

beforeAll(async () => {
  lab = newFolder('lab');
  spawnSync('chmod', ['755', lab]);
  secret = join(lab, 'secret');
  writeFileSync(secret, 'the secret\n', { mode: 0o666 });
  canary = spawn('sleep', ['600'], { argv0: 'palyra-canary', env: { CANARY: '1' } });
  server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  shm = execFileSync('ipcmk', ['-M', '4096', '-p', '0666'], { encoding: 'utf8' }).replace(/\D/g, '');
  abstract = spawn('socat', [`ABSTRACT-LISTEN:palyra-canary-${process.pid},fork`, 'EXEC:true'], { stdio: 'ignore' });
});

afterAll(() => {
  canary.kill('SIGKILL');
  abstract.kill('SIGKILL');
  server.close();
  spawnSync('ipcrm', ['-m', shm]);
  removeFolder(lab);
});

/** A workspace worth attacking. */
function workspace(name: string, owner: number): string {
  const folder = join(lab, name);
  makeFolders(folder, join(folder, '.git/hooks'), join(folder, '.vscode'), join(folder, 'state'));
  const files = {
    '.git/config': '[core]\n',
    '.envrc': '',
    '.npmrc': '',
    '.vscode/tasks.json': '{}',
    'state/registry.json': '{"secret":1}',
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  symlinkSync(secret, join(folder, 'link-to-secret'));
  copyFileSync(new URL('fixtures/attacks.pl', import.meta.url), join(folder, 'attacks.pl'));
  if (owner !== 0) spawnSync('chown', ['-hR', `${owner}:${owner}`, folder]);
  return folder;
}

function attackArguments(folder: string): [string, ...string[]] {
  const facts = [
    secret,
    `${canary.pid}`,
    `${port}`,
    `palyra-canary-${process.pid}`,
    shm,
    join(folder, 'state'),
    process.arch,
  ];
  return ['perl', 'attacks.pl', ...facts];
}

function hiddenIn(folder: string) {
  return [{ path: join(folder, 'state'), kind: 'folder' as const }];
}

function expectAllHeld({ stdout, stderr }: Pick<Ran, 'stdout' | 'stderr'>): void {
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(stderr.split('\n').filter((line) => line.includes('attacks.pl'))).toEqual([]);
  expect(lines.filter(([, verdict]) => verdict !== 'held')).toEqual([]);
  expect(lines.length).toBeGreaterThan(120);
}

describe('tier c holds every attack', () => {
  test.runIf(IS_ROOT)('as root, dropping to the owner of the workspace', async () => {
    const folder = workspace('dropped', OWNER);
    const plan = planFor(folder, attackArguments(folder), { hidden: hiddenIn(folder) });
    expect(plan.user).toEqual({ uid: OWNER, gid: OWNER });
    expectAllHeld(await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), plan));
    expectUntouched(folder);
  });

  test.runIf(IS_ROOT)('as root that stays root', async () => {
    const folder = workspace('rooted', 0);
    const plan = planFor(folder, attackArguments(folder), { hidden: hiddenIn(folder), allowRoot: true });
    expect(plan.asRoot).toBe(true);
    expectAllHeld(await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), plan));
    expectUntouched(folder);
  });

  test('as an unprivileged user', async () => {
    const folder = workspace('unprivileged', NOBODY);
    const driver = join(lab, 'driver.mjs');
    await build({
      stdin: { contents: DRIVER, resolveDir: new URL('.', import.meta.url).pathname, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: driver,
    });
    const drop = ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
    const driven = [process.execPath, driver, folder, ...attackArguments(folder)];
    const [command = '', ...words] = [...(IS_ROOT ? drop : []), ...driven];
    const env = { PATH: '/usr/bin:/bin', PALYRA_TOKEN: 'secret' };
    const ran = spawnSync(command, words, { encoding: 'utf8', env });
    expectAllHeld(ran);
    expectUntouched(folder);
  });
});

const DRIVER = `
import { openBubblewrap } from '../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../src/adapters/sandbox/machine.ts';
import { planFor, runPlan } from './lab.ts';
const [folder, ...argv] = process.argv.slice(2);
const plan = planFor(folder, argv, { hidden: [{ path: folder + '/state', kind: 'folder' }] });
const { stdout, stderr, execution } = await runPlan(openBubblewrap(lookAtMachine(), { tty: false }), plan);
process.stdout.write(stdout);
process.stderr.write(stderr);
if (execution.ending.outcome === 'setup_failed') process.stderr.write(JSON.stringify(execution));
`;

function expectUntouched(folder: string): void {
  expect(readFileSync(secret, 'utf8')).toBe('the secret\n');
  expect(readdirSync(join(folder, '.git'))).toEqual(['config', 'hooks']);
  expect(readFileSync(join(folder, '.git/config'), 'utf8')).toBe('[core]\n');
  expect(readdirSync(join(folder, '.git/hooks'))).toEqual([]);
  expect(readFileSync(join(folder, '.envrc'), 'utf8')).toBe('');
  expect(readdirSync(join(folder, 'state'))).toEqual(['registry.json']);
  expect(canary.exitCode).toBe(null);
  expect(existsSync('/evil') || existsSync('/etc/evil') || existsSync('/usr/bin/evil')).toBe(false);
}
