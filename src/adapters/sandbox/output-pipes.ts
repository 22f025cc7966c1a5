import { spawn } from 'node:child_process';
import { closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
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
 * would fail. A shell makes these, and we take them from it: they never have a name that somebody could put something
 * else under. Input stays a socket: who opens a pipe by name after its writer has gone waits for ever.
 * @param owner who runs the child, if that is not us
 * @throws SetupFailed
 */
export async function openPipes(owner: { readonly uid: number; readonly gid: number } | null): Promise<Pipes> {
  const shell = spawn('/bin/sh', ['-c', HOLDERS], { stdio: ['pipe', 'pipe', 'ignore'], env: {}, detached: true });
  const failed = new Promise<never>((_, reject) => shell.once('error', reject));
  // no process, no streams
  const said = shell.pid === undefined ? failed : Promise.race([failed, firstLine(shell.stdout)]);
  const line = await said.catch((error: Error) => {
    throw new SetupFailed(`sh: ${error.message}`);
  });
  try {
    const [first = '', second = ''] = line.split(' ');
    const [stdout, stderr] = [takePipe(first, owner), takePipe(second, owner)];
    return { stdout: endsOf(stdout), stderr: endsOf(stderr) };
  } finally {
    shell.stdin.end();
  }
}

/** Pipes that no child was given: open, they would keep this process from ending. */
export function discardPipes({ stdout, stderr }: Pipes): void {
  for (const { stream, release } of [stdout, stderr]) {
    stream.destroy();
    release();
  }
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

/** Descriptors of both ends of a pipe. */
interface Ends {
  readonly ours: number;
  readonly childs: number;
}

function takePipe(pid: string, owner: { readonly uid: number; readonly gid: number } | null): Ends {
  // ours must not wait for the other end; with ours open the child's does not wait, and must not be non-blocking
  const ours = openSync(`/proc/${pid}/fd/0`, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!fstatSync(ours).isFIFO()) throw new SetupFailed('sh made something else than a pipe');
  // whoever has no right to the pipe itself cannot open /dev/stdout
  if (owner !== null) fchownSync(ours, owner.uid, owner.gid);
  return { ours, childs: openSync(`/proc/self/fd/${ours}`, constants.O_WRONLY) };
}

function endsOf({ ours, childs }: Ends): PipeEnd {
  let isOpen = true;
  const release = (): void => {
    if (isOpen) closeSync(childs);
    isOpen = false;
  };
  return { stream: new Socket({ fd: ours, readable: true, writable: false }), childEnd: childs, release };
}
