import { execFile } from 'node:child_process';
import { chownSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { INSIDE_PATH } from '../../sandbox/environment.ts';
import { makePassingFolder } from './passing-folder.ts';
import { SetupFailed } from './setup-failed.ts';

/** Our end of a pipe, and the descriptor of the other, which is to be released once a child has it. */
export interface PipeEnd {
  readonly stream: Socket;
  readonly childEnd: number;
  /** close the child's end, if it is not closed yet */
  readonly release: () => void;
}

/** What a command that is not on a terminal says. */
export interface Pipes {
  readonly stdout: PipeEnd;
  readonly stderr: PipeEnd;
}

/**
 * Real pipes for output. What Node makes for a child are sockets, which nobody can open by name: `echo x > /dev/stderr`
 * would fail. They are FIFOs whose names are gone before anybody else could use them. Input stays a socket: who opens a
 * FIFO by name after its writer has gone waits for ever.
 * @param owner who runs the child, if that is not us
 */
export async function openPipes(owner: { readonly uid: number; readonly gid: number } | null): Promise<Pipes> {
  const folder = makePassingFolder('pipes');
  try {
    const [stdout, stderr] = [join(folder, 'stdout'), join(folder, 'stderr')];
    await makeFifos('mkfifo', ['-m', '600', '--', stdout, stderr], { env: { PATH: INSIDE_PATH } }).catch(
      (error: Error) => {
        throw new SetupFailed(`mkfifo: ${error.message}`);
      },
    );
    if (owner !== null) for (const path of [stdout, stderr]) chownSync(path, owner.uid, owner.gid);
    return { stdout: openPipe(stdout), stderr: openPipe(stderr) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Pipes that no child was given: open, they would keep this process from ending. */
export function discardPipes({ stdout, stderr }: Pipes): void {
  for (const { stream, release } of [stdout, stderr]) {
    stream.destroy();
    release();
  }
}

const makeFifos = promisify(execFile);

function openPipe(path: string): PipeEnd {
  // ours must not wait for the other end; with ours open the child's does not wait, and must not be non-blocking
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const childEnd = openSync(path, constants.O_WRONLY);
  let isOpen = true;
  const release = (): void => {
    if (isOpen) closeSync(childEnd);
    isOpen = false;
  };
  return { stream: new Socket({ fd, readable: true, writable: false }), childEnd, release };
}
