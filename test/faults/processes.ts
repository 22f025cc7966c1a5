import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';

/** One line that a worker said. */
export interface Said {
  readonly done?: string;
  readonly refused?: ErrorCode;
  readonly committed?: boolean;
}

/** The worker as one file that plain node runs; gone after the tests of the file. */
export function buildWorker(): string {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-worker-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'worker.mjs');
  buildSync({
    entryPoints: [join(import.meta.dirname, 'worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.17',
    outfile,
  });
  return outfile;
}

/** Start a worker; `spoke` when it first said something, `over` when it and its streams have ended. */
export function startWorker(worker: string, args: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const spoke = new Promise<void>((resolve) => {
    child.stdout?.once('data', () => resolve());
    child.once('close', () => resolve());
  });
  const over = new Promise<{ said: Said[]; errors: string; code: number | null }>((resolve) => {
    child.once('close', (code) => resolve({ said: parseSaid(out), errors, code }));
  });
  return { child, spoke, over };
}

/** Run a command line to its end, and give what the worker in it said. Fails if the command is not there. */
export function runCommand(command: readonly string[]): { readonly said: Said[]; readonly errors: string } {
  const [program = '', ...args] = command;
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { said: parseSaid(stdout), errors: stderr };
}

/** A line that was cut off by a kill was not said. */
function parseSaid(out: string): Said[] {
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
