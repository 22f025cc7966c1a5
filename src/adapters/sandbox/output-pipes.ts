import { spawn } from 'node:child_process';
import { closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { SetupFailed } from './setup-failed.ts';

/** Our ends of what a command says that is not on a terminal. */
export interface Pipes {
  readonly stdout: Socket;
  readonly stderr: Socket;
}

/** Pipes that are to be given to a child. */
export interface NewPipes {
  readonly pipes: Pipes;
  readonly childEnds: readonly [number, number];
  /** close the child's ends: it has them */
  readonly release: () => void;
  /** close everything: open, they would keep this process from ending */
  readonly discard: () => void;
}

type Owner = { readonly uid: number; readonly gid: number } | null;

/**
 * Real pipes for output. What Node makes for a child are sockets, which nobody can open by name: `echo x > /dev/stderr`
 * would fail. A shell makes these, and we take them from it: they never have a name that somebody could put something
 * else under. Input stays a socket: who opens a pipe by name after its writer has gone waits for ever.
 * @throws SetupFailed
 */
export async function openPipes(): Promise<NewPipes> {
  const shell = spawn('/bin/sh', ['-c', HOLDERS], { stdio: ['pipe', 'pipe', 'ignore'], env: {}, detached: true });
  const failed = new Promise<never>((_, reject) => shell.once('error', reject));
  // no process, no streams
  const said = shell.pid === undefined ? failed : Promise.race([failed, firstLine(shell.stdout)]);
  const line = await said.catch((error: Error) => {
    throw new SetupFailed(`sh: ${error.message}`);
  });
  try {
    const [first = '', second = ''] = line.split(' ');
    const [stdout, stderr] = [openPipe(first, 0), openPipe(second, 0)];
    // with ours open the child's does not wait, and must not be non-blocking
    const childEnds = [stdout, stderr].map((ours) => openSync(`/proc/self/fd/${ours}`, constants.O_WRONLY));
    return newPipes(streamsOf([stdout, stderr]), childEnds as [number, number]);
  } finally {
    shell.stdin.end();
  }
}

/** Take over the ends to read from that another process holds as these descriptors. @throws SetupFailed */
export function takePipes(pid: number, stdout: number, stderr: number, owner: Owner): Pipes {
  const ours = [openPipe(`${pid}`, stdout), openPipe(`${pid}`, stderr)];
  givePipes(ours, owner);
  return streamsOf(ours as [number, number]);
}

/** Whoever has no right to the pipe itself cannot open /dev/stdout. @param owner who runs the child, if not us */
export function givePipes(ends: readonly number[], owner: Owner): void {
  if (owner !== null) for (const end of ends) fchownSync(end, owner.uid, owner.gid);
}

/** Two processes, each with a pipe for its standard input, that say who they are and wait. */
const HOLDERS = `exec 3<&0
: | {
  read -r first rest < /proc/self/stat
  : | {
    read -r second rest < /proc/self/stat
    echo "$first $second"
    (read -r end <&3) # while it is redirected it is not the pipe
    :
  }
}`;

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.trim();
}

function openPipe(pid: string, descriptor: number): number {
  // it must not wait for the other end
  const ours = openSync(`/proc/${pid}/fd/${descriptor}`, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(ours).isFIFO()) return ours;
  closeSync(ours);
  throw new SetupFailed('something else than a pipe was made');
}

function streamsOf([stdout, stderr]: readonly [number, number]): Pipes {
  const stream = (fd: number): Socket => new Socket({ fd, readable: true, writable: false });
  return { stdout: stream(stdout), stderr: stream(stderr) };
}

function newPipes(pipes: Pipes, childEnds: readonly [number, number]): NewPipes {
  let isOpen = true;
  const release = (): void => {
    if (isOpen) for (const end of childEnds) closeSync(end);
    isOpen = false;
  };
  const discard = (): void => {
    for (const stream of [pipes.stdout, pipes.stderr]) stream.destroy();
    release();
  };
  return { pipes, childEnds, release, discard };
}
