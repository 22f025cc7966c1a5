import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { COVERAGE } from '../palyra.ts';

interface PaneSettings {
  readonly name: string;
  readonly home: string;
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A terminal of 100 columns with a shell in it, until the test is over. */
export function openPane({ name, home, folder, env: more = {} }: PaneSettings) {
  const socket = join(home, `tmux-${name}`);
  const tmux = (...args: string[]): string => execFileSync('tmux', ['-S', socket, ...args], { encoding: 'utf8' });
  const env = {
    PATH: `${home}/bin:/usr/bin:/bin`,
    HOME: home,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    PS1: '$ ',
    ...COVERAGE,
    ...more,
  };
  const shell = ['env', '-i', 'TERM=screen', ...Object.entries(env).map(([key, value]) => `${key}=${value}`)];
  tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-x',
    '100',
    '-y',
    '60',
    '-c',
    folder,
    ...shell,
    'bash',
    '--norc',
    '--noprofile',
  );
  onTestFinished(() => void tmux('kill-server'));
  const screen = (): string => tmux('capture-pane', '-p', '-J', '-S', '-').trimEnd();
  const sees = async (wanted: string | RegExp): Promise<void> => {
    for (let tries = 0; tries < 400; tries++) {
      const now = `${screen()} `;
      if (typeof wanted === 'string' ? now.includes(wanted) : wanted.test(now)) return;
      await sleep(50);
    }
    throw new Error(`${String(wanted)} has not come:\n${screen()}`);
  };
  const type = (keys: string): void => {
    for (const part of keys.split(/(\n)/)) {
      if (part === '\n') tmux('send-keys', 'Enter');
      else if (part !== '') tmux('send-keys', '-l', part);
    }
  };
  return {
    /** what is to be seen, from the first row on, without the prompt that waits */
    screen: () => screen().replace(/\n\$$/, ''),
    /** the same rows with their colours (SGR) */
    painted: () =>
      tmux('capture-pane', '-p', '-e', '-J', '-S', '-')
        .trimEnd()
        .replace(/\n[^\n]*\$[^\n]*$/, ''),
    sees,
    type,
    /** a command, until the shell asks for the next */
    async enter(line: string): Promise<void> {
      await sees(/(^|\n)\$ +$/);
      type(`${line}\n`);
      await sees(new RegExp(`${line.slice(-20).replace(/[.*+?^$(){}|[\]\\]/g, '\\$&')}[\\s\\S]*\\n\\$ +$`));
    },
  };
}
