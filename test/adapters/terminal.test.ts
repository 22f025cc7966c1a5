import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as pty from '@lydell/node-pty';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newFolder, removeFolder } from '../sandbox/lab.ts';

let workspace: string;
let driver: string;
let bytes: string;

beforeAll(async () => {
  workspace = newFolder('terminal');
  driver = join(workspace, 'driver.mjs');
  bytes = join(workspace, 'bytes.mjs');
  const bundle = { bundle: true, platform: 'node', format: 'esm' } as const;
  const resolveDir = new URL('.', import.meta.url).pathname;
  await build({ ...bundle, stdin: { contents: DRIVER, resolveDir, loader: 'ts' }, outfile: driver });
  await build({ ...bundle, stdin: { contents: BYTES, resolveDir, loader: 'ts' }, outfile: bytes });
  spawnSync('chown', ['-R', '1000:1000', workspace]);
});

afterAll(() => removeFolder(workspace));

test('on a terminal Ctrl-C is the command’s to answer, and nobody types for the person', async () => {
  const script = `trap 'echo caught' INT; tty >/dev/null && echo terminal; perl -e 'my $b = "x"; print ioctl(STDIN, 0x5412, $b) ? "typed" : "refused $!", "\\n"'; read line; echo "read $line"; exit 5`;
  const terminal = pty.spawn(process.execPath, [driver, workspace, script], { cols: 80, rows: 24 });
  let screen = '';
  const sent = { interrupt: false, line: false };
  terminal.onData((text) => {
    screen += text;
    if (!sent.interrupt && screen.includes('refused')) {
      sent.interrupt = true;
      setTimeout(() => terminal.write('\x03'), 200);
    }
    if (!sent.line && screen.includes('caught')) {
      sent.line = true;
      terminal.write('hello\r');
    }
  });
  await new Promise<void>((resolve) => terminal.onExit(() => resolve()));
  expect(screen).toContain('terminal');
  expect(screen).toContain('refused Operation not permitted');
  expect(screen).toContain('caught');
  expect(screen).toContain('"exitCode":5');
});

test('arguments that are not UTF-8 are noticed', () => {
  const ask = (argument: string) =>
    execFileSync('bash', ['-c', `"$0" "$1" ${argument}`, process.execPath, bytes], { encoding: 'utf8' });
  expect([ask("$'ok \\xc3\\xbc'"), ask("$'\\xef\\xbf\\xbd'"), ask("$'\\xff'")]).toEqual(['true', 'true', 'false']);
});

const DRIVER = `
import { openBubblewrap } from '../../src/adapters/sandbox/bubblewrap.ts';
import { lookAtMachine } from '../../src/adapters/sandbox/machine.ts';
import { planFor } from '../sandbox/lab.ts';
const [folder, script] = process.argv.slice(2);
process.on('SIGINT', () => undefined);
const plan = planFor(folder, ['bash', '-c', script], { tty: true });
const { ending } = await openBubblewrap(lookAtMachine(), { tty: true }).run(plan, process, {});
console.log(JSON.stringify(ending));
process.exit();
`;
const BYTES = `
import { argumentsAreUtf8 } from '../../src/adapters/raw-arguments.ts';
process.stdout.write(String(argumentsAreUtf8()));
`;
