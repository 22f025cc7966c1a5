import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cedar } from '../policy/engine.ts';
import type { Files } from '../store/files.ts';
import type { Clock } from '../time.ts';

/**
 * Everything outside: the one place where adapters are imported, each when it is first wanted. Commands and flows get
 * this record, or parts of it, and touch nothing else.
 */
export interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly clock: Clock;
  /** the secret of PALYRA_TOKEN, taken out of the environment at start so that no child can inherit it */
  readonly token: string | undefined;
  /** the umask to restore for a child; palyra's own is 077 */
  readonly callerUmask: number;
  /** the folder of the installed package: policies/, man/, package.json */
  readonly packageFolder: string;
  /** login name and home of the process's uid from the password database, never from the environment */
  readonly account: () => { readonly login: string; readonly home: string; readonly uid: number };
  readonly files: () => Promise<Files>;
  /** throughput: compile Cedar for a long run, not for a short start */
  readonly cedar: (settings?: { readonly throughput?: boolean }) => Promise<Cedar>;
}

/** The world of this process. Takes PALYRA_TOKEN out of the environment and sets the umask to 077. */
export function openWorld(): World {
  const callerUmask = process.umask(0o077);
  const { PALYRA_TOKEN: token, ...env } = process.env;
  delete process.env.PALYRA_TOKEN;
  return {
    argv: process.argv.slice(2),
    env,
    cwd: process.cwd(),
    // the streams open on first use: a command that asks nothing never touches stdin
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    clock: Date.now,
    token,
    callerUmask,
    // dist/main.js or src/cli/world.ts: the package is where policies/ is
    packageFolder: dirname(dirname(fileURLToPath(import.meta.url))).replace(/\/src$/, ''),
    account: () => {
      const { username, homedir, uid } = userInfo();
      return { login: username, home: homedir, uid };
    },
    files: async () => (await import('../adapters/files.ts')).files,
    cedar: async (settings) => (await import('../adapters/cedar/cedar.ts')).openCedar(settings),
  };
}
