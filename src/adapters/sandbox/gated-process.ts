import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { DESCRIPTORS } from '../../sandbox/bubblewrap-arguments.ts';
import { anonymousFile } from './anonymous-file.ts';
import { coverInherited } from './inherited-descriptors.ts';
import type { Pipes } from './output-pipes.ts';
import { SetupFailed } from './setup-failed.ts';

/** A process with the descriptors of `DESCRIPTORS`: what contains a command, or will. */
export interface Spawned {
  readonly child: ChildProcess;
  /** a line from it says that the boundary stands, a line to it opens the gate */
  readonly gate: Duplex;
  /** when it ends, everything is ended */
  readonly lifeline: Duplex;
  readonly status: Status;
}

/** A command that waits at a gate, inside whatever contains it. */
export interface Gated extends Spawned {
  /** null: they are a terminal's */
  readonly pipes: Pipes | null;
  /** whether the process of `child-pid` takes all the others with it when it is killed */
  readonly killFirst: boolean;
}

/** The numbers that it says on its status descriptor: `child-pid`, then `exit-code` once the command has begun and ended. */
export interface Status {
  /** undefined: it ended without saying so */
  wait(name: string): Promise<number | undefined>;
  /** as far as it was said by now */
  said(name: string): number | undefined;
}

/** What to start. `files` become descriptors from `DESCRIPTORS.arguments` on. */
interface ToSpawn {
  readonly command: readonly string[];
  readonly files: readonly (string | Uint8Array)[];
  /** descriptors for output, or a terminal for all three */
  readonly output: readonly [number, number] | 'nowhere' | 'terminal';
  readonly stdin: 'pipe' | 'null';
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** what it inherits; ours if undefined */
  readonly umask: number | undefined;
}

/**
 * Start it in a session of its own, unless it is to have a terminal, with no variable and no descriptor that was not
 * meant for it.
 * @throws SetupFailed
 */
export function spawnGated({ command, files, output, stdin, user, umask }: ToSpawn): Spawned {
  const [program = '', ...rest] = command;
  const fds = files.map(anonymousFile);
  const covers = coverInherited(DESCRIPTORS.arguments + fds.length);
  const child = withUmask(umask, () =>
    spawn(program, rest, {
      stdio: [...streamsFor(output, stdin), 'pipe', 'pipe', 'pipe', ...fds, ...covers.stdio],
      env: {},
      cwd: '/',
      detached: output !== 'terminal',
      ...(user ?? {}),
    }),
  );
  for (const fd of fds) closeSync(fd);
  covers.close();
  child.on('error', () => undefined); // it never began, which its number tells; or it was gone before a signal
  if (child.pid === undefined) throw new SetupFailed('no process can be started: see ulimit -n and ulimit -u');
  const [, , , gate, status, lifeline] = child.stdio as readonly unknown[] as readonly Duplex[];
  if (gate === undefined || status === undefined || lifeline === undefined) throw new SetupFailed('no pipes');
  for (const stream of [gate, lifeline]) stream.on('error', () => undefined); // it is gone: its exit says so
  return { child, gate, lifeline, status: readStatus(status) };
}

function streamsFor(output: ToSpawn['output'], stdin: ToSpawn['stdin']): ('inherit' | 'pipe' | 'ignore' | number)[] {
  if (output === 'terminal') return ['inherit', 'inherit', 'inherit'];
  return [stdin === 'pipe' ? 'pipe' : 'ignore', ...(output === 'nowhere' ? (['ignore', 'ignore'] as const) : output)];
}

/** Start something that inherits another umask than ours. */
export function withUmask<T>(umask: number | undefined, start: () => T): T {
  const ours = process.umask();
  process.umask(umask ?? ours);
  try {
    return start();
  } finally {
    process.umask(ours);
  }
}

/** Read the JSON documents that bwrap writes on its status descriptor, and others as it does. */
function readStatus(stream: Readable): Status {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  stream.on('error', () => undefined);
  const said = (name: string): number | undefined => {
    const number = new RegExp(`"${name}": *(\\d+)`).exec(text)?.[1];
    return number === undefined ? undefined : Number(number);
  };
  const wait = (name: string): Promise<number | undefined> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (said(name) !== undefined || stream.closed) resolve(said(name));
      };
      stream.on('data', look).once('close', look);
      look();
    });
  return { said, wait };
}
