import type { Plan } from './plan.ts';
import { type Architecture, seccompProgram } from './seccomp.ts';

/**
 * What tier b's supervisor does before the command, as words that end in NUL: user, limits, Landlock, the seccomp program,
 * the environment, the command. Its numbers of system calls come along.
 * @param umask ours if undefined
 */
export function constraintsFor(plan: Plan, architecture: Architecture, umask: number | undefined): string {
  const { seccomp, memory, user } = plan;
  const words = [
    ...Object.entries(CALLS[architecture]).map(([name, number]) => `call ${name} ${number}`),
    `cwd ${plan.cwd}`,
    ...(user === null ? [] : [`user ${user.uid} ${user.gid}`]),
    ...(umask === undefined ? [] : [`umask ${umask}`]),
    ...limitWords(plan),
    ...(plan.landlockAbi > 0 ? landlockWords(plan) : []),
    ...(seccomp === null
      ? []
      : [`filter ${Buffer.from(seccompProgram(architecture, { seccomp, memory })).toString('hex')}`]),
    ...Object.entries(plan.environment).map(([name, value]) => `env ${name}=${value}`),
    ...plan.argv.map((argument) => `arg ${argument}`),
  ];
  return words.map((word) => `${word}\0`).join('');
}

const CALLS = {
  x64: {
    ...{ prctl: 157, prlimit64: 302, openat: 257, close: 3, rt_sigprocmask: 14, signalfd4: 289 },
    ...{ setgroups: 116, setresgid: 119, setresuid: 117 },
  },
  arm64: {
    ...{ prctl: 167, prlimit64: 261, openat: 56, close: 57, rt_sigprocmask: 135, signalfd4: 74 },
    ...{ setgroups: 159, setresgid: 149, setresuid: 147 },
  },
} as const satisfies Record<Architecture, Record<string, number>>;

/** Not RLIMIT_NPROC: outside of a user namespace it counts everything that the user runs. */
function limitWords({ limits, memory }: Plan): string[] {
  const seconds = Math.ceil(limits.cpuTimeLimitMs / 1000);
  const rlimits: readonly (readonly [number, number, number])[] = [
    [0, seconds, seconds + 1], //                                RLIMIT_CPU
    [1, limits.maxFileSizeBytes, limits.maxFileSizeBytes], //    RLIMIT_FSIZE
    [4, 0, 0], //                                                RLIMIT_CORE
    [7, limits.maxOpenFiles, limits.maxOpenFiles], //            RLIMIT_NOFILE
  ];
  const bounded = memory === 'watchdog' ? [[2, limits.memoryLimitBytes, limits.memoryLimitBytes] as const] : []; // RLIMIT_DATA
  return [...rlimits, ...bounded].map((words) => `limit ${words.join(' ')}`);
}

/** Reading and running of the system, writing in the workspace and the temporary folders. Source: landlock(7). */
function landlockWords({ landlockAbi, workspace, network, asRoot }: Plan): string[] {
  const handled =
    FIRST | (landlockAbi >= 2 ? REFER : 0) | (landlockAbi >= 3 ? TRUNCATE : 0) | (landlockAbi >= 5 ? IOCTL : 0);
  const bind = landlockAbi >= 4 && network.kind === 'isolated' ? 3 : 0; // TCP bind and connect, with no port allowed
  const scoped = landlockAbi >= 6 ? 3 : 0; // abstract sockets and signals stay inside
  const size = landlockAbi >= 6 ? 24 : landlockAbi >= 4 ? 16 : 8;
  const path = (access: number, name: string): string =>
    `path ${access & handled} ${access & handled & ON_FILES} ${name}`;
  return [
    `landlock ${handled} ${bind} ${scoped} ${size}`,
    ...[...SYSTEM, ...(asRoot ? PUBLIC_ETC : ['/etc'])].map((name) => path(READ, name)),
    ...[workspace, '/tmp', '/var/tmp', '/dev/shm'].map((name) => path(handled, name)),
    ...DEVICES.map((name) => path(READ | WRITE_FILE | IOCTL, name)),
  ];
}

const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const FIRST = (1 << 13) - 1;
const REFER = 1 << 13;
const TRUNCATE = 1 << 14;
const IOCTL = 1 << 15;
const READ = EXECUTE | READ_FILE | READ_DIR;
const ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL;

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/proc', '/run/systemd/resolve'];
// the owners of files keep secrets in /etc from everybody but root
const PUBLIC_ETC = [
  ...['/etc/alternatives', '/etc/ld.so.cache', '/etc/localtime', '/etc/ssl/certs', '/etc/ssl/openssl.cnf', '/etc/pki'],
  ...['/etc/passwd', '/etc/group', '/etc/hosts', '/etc/host.conf', '/etc/resolv.conf', '/etc/nsswitch.conf'],
  ...['/etc/services', '/etc/protocols', '/etc/gai.conf', '/etc/ca-certificates', '/etc/gitconfig', '/etc/profile'],
];
const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'];
