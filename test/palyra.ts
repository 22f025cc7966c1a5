import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a command ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + n after signal n */
  readonly code: number;
}

/** An empty home with its own configuration and state, and the palyra of this checkout on its PATH. */
export interface Place {
  readonly folder: string;
  /** run palyra; `input` is its standard input, which is empty unless given */
  readonly palyra: (args: readonly string[], given?: Given) => Promise<Ended>;
  /** run a line of bash, stderr kept apart */
  readonly bash: (line: string, given?: Given) => Promise<Ended>;
}

export interface Given {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

export const PACKAGE = join(import.meta.dirname, '..');
// test/nodes.mjs runs the packed command on another Node
const INSTALLED = process.env.PALYRA_TEST_PACKAGE ?? PACKAGE;
const NODE = process.env.PALYRA_TEST_NODE ?? process.execPath;
/** test/coverage.mjs: where each palyra leaves what it ran. Node hands it on by itself to whatever it starts. */
export const COVERAGE: Readonly<Record<string, string>> =
  process.env.PALYRA_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE: process.env.PALYRA_COVERAGE };
Object.assign(process.env, COVERAGE);

/** A new, empty place to run palyra in; nothing of the caller's environment gets in but what a program needs. */
export function newPlace(): Place {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'palyra-test-')));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'desk'));
  writeFileSync(join(folder, 'bin/palyra'), `#!/bin/sh\nexec "${NODE}" "${INSTALLED}/bin/palyra.js" "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    PATH: `${folder}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    HOME: folder,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    TERM: 'xterm',
  };
  return {
    folder: join(folder, 'desk'),
    palyra: (args, given = {}) =>
      run(NODE, [join(INSTALLED, 'bin/palyra.js'), ...args], join(folder, 'desk'), env, given),
    bash: (line, given = {}) => run('/bin/bash', ['-c', line], join(folder, 'desk'), env, given),
  };
}

function run(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  given: Given,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...env, ...given.env }, stdio: 'pipe' });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ended = { stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
      resolve({ ...ended, code: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0) });
    });
    // a command that does not read its input closes it early: no concern of the test's
    child.stdin.on('error', () => {});
    child.stdin.end(given.input ?? '');
  });
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };
