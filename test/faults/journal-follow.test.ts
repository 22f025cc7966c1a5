import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newPlace, PACKAGE } from '../palyra.ts';

test('a follower sees every entry once, in order, though writers are killed, and Ctrl-C ends it with 130', async () => {
  const { folder, palyra } = newPlace();
  await palyra(['flags', 'enable', 'team_mode']);
  const follower = start(folder, ['journal', 'log', '--follow']);
  let seen = '';
  follower.stdout?.on('data', (chunk) => {
    seen += chunk;
  });
  for (let round = 0; round < 4; round++) {
    const writers = [1, 2, 3].map((n) => start(folder, ['workspaces', 'create', `w${round}-${n}`, '--quiet']));
    const ended = writers.map((writer) => once(writer, 'close'));
    // whoever is first to say that it is done takes another with it, wherever that one is
    await Promise.race(ended);
    writers.at(-1)?.kill('SIGKILL');
    await Promise.all(ended);
  }
  await palyra(['workspaces', 'create', 'last']);
  const last = JSON.parse((await palyra(['journal', 'verify', '--json'])).stdout).head.seq;
  while (!seen.includes(`\n${last}\t`)) await once(follower.stdout ?? follower, 'data');
  follower.kill('SIGINT');
  expect(await once(follower, 'close')).toEqual([130, null]);
  const numbers = seen.split('\n').slice(0, -1).map(Number.parseFloat);
  expect(numbers).toEqual(Array.from({ length: last }, (_, index) => index + 1));
});

test('with --json each entry is an object on its own line, and a request to end is 143', async () => {
  const { folder, palyra } = newPlace();
  await palyra(['flags', 'enable', 'team_mode']);
  const follower = start(folder, ['journal', 'log', '--follow', '--json']);
  const [line] = await once(follower.stdout ?? follower, 'data');
  expect(JSON.parse(line)).toMatchObject({ schema: 'palyra.journal.log/1', seq: 1, kind: 'flag.enable' });
  follower.kill('SIGTERM');
  expect(await once(follower, 'close')).toEqual([143, null]);
});

function start(folder: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(PACKAGE, 'bin/palyra.js'), ...args], {
    cwd: folder,
    env: { HOME: join(folder, '..'), PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
