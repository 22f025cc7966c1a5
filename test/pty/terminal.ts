import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { onTestFinished } from 'vitest';
import { COVERAGE, PACKAGE } from '../palyra.ts';

/** A person at a terminal. */
export interface Terminal {
  /** everything that came, without the control sequences of the prompt itself */
  readonly text: () => string;
  /** the bytes as they came */
  readonly raw: () => string;
  readonly type: (keys: string) => void;
  /** until this has come, after what `after` counted */
  readonly sees: (text: string | RegExp) => Promise<void>;
  /** until the program has ended */
  readonly ends: () => Promise<number>;
}

export interface TerminalSettings {
  readonly cwd: string;
  readonly home: string;
  /** another program than palyra */
  readonly command?: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Start palyra on a pty of its own. */
export function openTerminal(args: readonly string[], settings: TerminalSettings): Terminal {
  const { cwd, home, columns = 100, rows = 40, env = {} } = settings;
  const [program = '', ...rest] = settings.command ?? [process.execPath, `${PACKAGE}/bin/palyra.js`, ...args];
  const pty = spawn(program, rest, {
    cols: columns,
    rows,
    cwd,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      TERM: 'xterm',
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      NO_COLOR: '1',
      ...COVERAGE,
      ...env,
    },
  });
  let raw = '';
  let seen = 0;
  const watchers = new Set<() => void>();
  pty.onData((data) => {
    raw += data;
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode));
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
    for (const watcher of watchers) watcher();
  });
  onTestFinished(() => {
    if (!isOver) pty.kill('SIGKILL');
  });
  const text = (): string => stripVTControlCharacters(raw).replaceAll('\r', '');
  return {
    text,
    raw: () => raw,
    type: (keys) => pty.write(keys),
    sees: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const rest = text().slice(seen);
          const found = typeof wanted === 'string' ? rest.indexOf(wanted) : rest.search(wanted);
          if (found === -1 && !isOver) return;
          watchers.delete(look);
          if (found === -1) reject(new Error(`${String(wanted)} never came:\n${text()}`));
          else {
            seen += found + (typeof wanted === 'string' ? wanted.length : (rest.match(wanted)?.[0].length ?? 0));
            resolve();
          }
        };
        watchers.add(look);
        const patience = setTimeout(() => reject(new Error(`${String(wanted)} has not come:\n${text()}`)), 20_000);
        patience.unref();
        look();
      }),
    ends: () => ended,
  };
}
