import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StoreNotice } from '../adapters/state/lowdb-store.ts';
import { systemCode } from '../errors.ts';
import type { Cedar } from '../policy/engine.ts';
import type { RunningCommand, Sandbox } from '../sandbox/runner.ts';
import type { Files } from '../store/files.ts';
import type { MachineInspector, StateInspector } from '../store/inspection.ts';
import type { OpenRuns } from '../store/open-runs.ts';
import type { Rates } from '../store/rates.ts';
import type { Sources } from '../store/sources.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../time.ts';
import type { ExitName } from './exits.ts';

/**
 * Everything outside: the one place where adapters are imported, each when it is first wanted. Commands and flows get
 * this record, or parts of it, and touch nothing else.
 */
export interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the working folder; empty if it is gone */
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** the secret of PALYRA_TOKEN, taken out of the environment at start so that no child can inherit it */
  readonly token: string | undefined;
  /** the umask to restore for a child; palyra's own is 077 */
  readonly callerUmask: number;
  /** the folder of the installed package: policies/, man/, package.json */
  readonly packageFolder: string;
  /** login name and home of the process's uid from the password database, never from the environment */
  readonly account: () => { readonly login: string; readonly home: string; readonly uid: number };
  readonly pid: number;
  readonly host: () => string;
  /** whether the arguments are what was typed: Node silently replaces what is not UTF-8 */
  readonly argumentsAreUtf8: () => Promise<boolean>;
  /** whether nobody keeps what is printed */
  readonly outputIsDiscarded: () => Promise<boolean>;
  /** the file that is printed into, if others may read it */
  readonly outputOpenToOthers: () => Promise<
    ReturnType<typeof import('../adapters/standard-output.ts')['fileOpenToOthers']>
  >;
  readonly files: () => Promise<Files>;
  /** aborted by Ctrl-C or a request to end, with the exit as its reason; once asked for, a second Ctrl-C ends at once */
  readonly interruption: () => AbortSignal;
  /** the state below a folder; `notice` hears what people should, though it is no error */
  readonly store: (root: string, notice: (notice: StoreNotice) => void) => Promise<Store<State>>;
  readonly stateInspector: (root: string) => Promise<StateInspector<State>>;
  readonly machineInspector: () => Promise<MachineInspector>;
  /** what tokens have used, below the same folder */
  readonly rates: (root: string) => Promise<Rates>;
  /** the commands that have begun, below the same folder */
  readonly openRuns: (root: string) => Promise<OpenRuns>;
  /** files, folders and git ranges, however large, to be looked through */
  readonly sources: () => Promise<Sources>;
  /** throughput: compile Cedar for a long run, not for a short start */
  readonly cedar: (settings?: { readonly throughput?: boolean }) => Promise<Cedar>;
  readonly sandbox: () => Promise<Sandbox>;
  readonly checkSandbox: () => Promise<SandboxCheck>;
  /** hear the signals that would end this process, in the place of ending */
  readonly onSignal: (heard: (name: PassedSignal) => void) => void;
}

type SandboxCheck = Awaited<ReturnType<typeof import('../adapters/sandbox/sandbox-check.ts')['checkSandbox']>>;

export type PassedSignal = Parameters<RunningCommand['signal']>[0];

const PASSED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly PassedSignal[];

/** The world of this process. Takes PALYRA_TOKEN out of the environment and sets the umask to 077. */
export function openWorld(): World {
  const callerUmask = process.umask(0o077);
  const { PALYRA_TOKEN: token, ...env } = process.env;
  delete process.env.PALYRA_TOKEN;
  return {
    argv: process.argv.slice(2),
    env,
    cwd: workingFolder(),
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
    // not node:crypto, which takes as long to load as a command
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    token,
    callerUmask,
    // dist/main.js or src/cli/world.ts: the package is where policies/ is
    packageFolder: dirname(dirname(fileURLToPath(import.meta.url))).replace(/\/src$/, ''),
    account: () => {
      try {
        const { username, homedir, uid } = userInfo();
        return { login: username, home: homedir, uid };
      } catch {
        // a container may run as a uid that the password database does not have
        const uid = process.getuid?.() ?? 0;
        return { login: String(uid), home: '', uid };
      }
    },
    pid: process.pid,
    host: hostname,
    argumentsAreUtf8: async () => (await import('../adapters/raw-arguments.ts')).argumentsAreUtf8(),
    outputIsDiscarded: async () => (await import('../adapters/standard-output.ts')).isDiscarded(),
    outputOpenToOthers: async () => (await import('../adapters/standard-output.ts')).fileOpenToOthers(),
    files: async () => (await import('../adapters/files.ts')).files,
    interruption: () => {
      const controller = new AbortController();
      process.once('SIGINT', () => controller.abort('interrupted' satisfies ExitName));
      process.once('SIGTERM', () => controller.abort('terminated' satisfies ExitName));
      return controller.signal;
    },
    store: async (root, notice) => {
      const { lowdbStore } = await import('../adapters/state/lowdb-store.ts');
      const { stateShapes } = await import('../store/state.ts');
      return lowdbStore({ root, shapes: stateShapes, notice });
    },
    stateInspector: async (root) => {
      const { openStateInspector } = await import('../adapters/state/state-inspector.ts');
      const { stateShapes } = await import('../store/state.ts');
      return openStateInspector(root, stateShapes);
    },
    machineInspector: async () => (await import('../adapters/machine-inspector.ts')).machineInspector,
    rates: async (root) => (await import('../adapters/state/rates-file.ts')).ratesFile(root),
    openRuns: async (root) => (await import('../adapters/sandbox/open-runs-folder.ts')).openRunsFolder(root),
    sources: async () => (await import('../adapters/sources.ts')).sources,
    cedar: async (settings) => (await import('../adapters/cedar/cedar.ts')).openCedar(settings),
    sandbox: async () => (await import('../adapters/sandbox/sandbox.ts')).sandbox,
    checkSandbox: async () => (await import('../adapters/sandbox/sandbox-check.ts')).checkSandbox(),
    onSignal: (heard) => {
      for (const name of PASSED) process.on(name, () => heard(name));
    },
  };
}

function workingFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}
