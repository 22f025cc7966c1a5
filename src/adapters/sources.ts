import { spawn } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PalyraError, systemCode } from '../errors.ts';
import type { Source, Sources } from '../store/sources.ts';

/** Files, folders, standard input and git of this machine, as the port wants them. */
export const sources: Sources = { below, gitLog };

async function* below(path: string): AsyncGenerator<Source | PalyraError> {
  if (path === '-') {
    yield { name: 'standard input', pieces: process.stdin };
    return;
  }
  try {
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield { name: path, pieces: readPieces(path) };
  } catch (error) {
    yield unreadable(path, error);
  }
}

/** Links are not followed, FIFOs and devices not opened; git's own store is compressed, `--git` looks into it. */
async function* walk(folder: string): AsyncGenerator<Source | PalyraError> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield { name: path, pieces: readPieces(path) };
    if (!entry.isDirectory() || path.endsWith('.git/objects')) continue;
    try {
      yield* walk(path);
    } catch (error) {
      yield unreadable(path, error);
    }
  }
}

async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: PIECE_BYTES });
  } catch (error) {
    throw unreadable(path, error);
  }
}

const PIECE_BYTES = 256 * 1024;

async function* gitLog(folder: string, range: string): AsyncGenerator<Uint8Array> {
  const git = GIT.find((path) => existsSync(path));
  if (git === undefined) throw new PalyraError('input.invalid', `no git at ${GIT.join(' or ')}`);
  const child = spawn(git, [...LOG, '--end-of-options', range, '--'], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: homedir(), LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    if (said.length < SAID_BYTES) said += bytes.toString();
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  try {
    yield* child.stdout;
    if ((await ended) === 0) return;
  } finally {
    // whoever stops reading early leaves no git behind
    child.kill();
  }
  throw new PalyraError('input.invalid', `git cannot show ${range.slice(0, 200)}`, {
    why: said.trim().split('\n')[0] ?? '',
    hint: 'git log --oneline RANGE',
  });
}

const GIT = ['/usr/bin/git', '/usr/local/bin/git', '/opt/homebrew/bin/git'];
/** Nothing that a repository may configure runs a program or changes the form. */
const LOG = [
  ...['-c', 'core.quotePath=false', '-c', 'log.showSignature=false', '-c', 'core.fsmonitor=false', '--no-pager'],
  ...['log', '-p', '-m', '-U0', '--text', '--no-color', '--no-ext-diff', '--no-textconv', '--no-renames'],
  ...['--src-prefix=a/', '--dst-prefix=b/', '--diff-algorithm=myers', '--format=%x01%H%n%w(0,1,1)%B'],
];
const SAID_BYTES = 4096;

function unreadable(path: string, cause: unknown): PalyraError {
  if (cause instanceof PalyraError) return cause;
  const code = systemCode(cause) ?? 'unknown';
  if (code === 'ENOENT') return new PalyraError('store.not_found', `no such file or folder: ${path}`);
  return new PalyraError('input.invalid', `${path} cannot be read`, { why: `the system says ${code}`, cause });
}
