import { dirname, join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { expect, test } from 'vitest';
import { COVERAGE, newPlace, PACKAGE, type Place } from '../palyra.ts';

/** What palyra shows on a terminal where a person types `keys` once it asks, and how it ends. */
function onTerminal(
  { folder }: Place,
  args: readonly string[],
  keys: string,
): Promise<{ shown: string; code: number }> {
  return new Promise((resolve) => {
    const home = dirname(folder);
    const env = { PATH: '/usr/bin:/bin', HOME: home, TERM: 'xterm', NO_COLOR: '1', ...COVERAGE };
    const terminal = spawn(process.execPath, [join(PACKAGE, 'bin/palyra.js'), ...args], { cwd: folder, env });
    let shown = '';
    let isAnswered = false;
    terminal.onData((data) => {
      shown += data;
      if (isAnswered || !shown.includes('?')) return;
      isAnswered = true;
      terminal.write(keys);
    });
    terminal.onExit(({ exitCode }) => resolve({ shown, code: exitCode }));
  });
}

const DISABLE = ['flags', 'disable', 'api_tokens'];

async function isOn(place: Place): Promise<boolean> {
  const { stdout } = await place.palyra(['flags', 'show', 'api_tokens', '--json']);
  return JSON.parse(stdout).flag.enabled;
}

test('on a terminal what a change touches is shown, and Enter leaves all as it is', async () => {
  const place = newPlace();
  await place.palyra(['flags', 'enable', 'api_tokens', '--with-deps']);
  await place.palyra(['tokens', 'mint', '--label', 'ci']);
  for (const [keys, code] of [
    ['\r', 9],
    ['n\r', 9],
    ['\u0003', 130],
  ] as const) {
    const { shown, code: ended } = await onTerminal(place, DISABLE, keys);
    expect(ended).toBe(code);
    expect(shown.indexOf('ci stops working')).toBeGreaterThan(-1);
    expect(shown.indexOf('ci stops working')).toBeLessThan(shown.indexOf('Turn api_tokens off?'));
    expect(await isOn(place)).toBe(true);
  }
});

test('yes changes it; --yes and --no-input do not ask', async () => {
  const place = newPlace();
  for (const [args, keys] of [
    [DISABLE, 'y\r'],
    [[...DISABLE, '--yes'], ''],
    [[...DISABLE, '--no-input'], ''],
  ] as const) {
    await place.palyra(['flags', 'enable', 'api_tokens', '--with-deps']);
    const { shown, code } = await onTerminal(place, args, keys);
    expect(code).toBe(0);
    expect(shown.includes('Turn api_tokens off?')).toBe(keys !== '');
    expect(await isOn(place)).toBe(false);
  }
});
