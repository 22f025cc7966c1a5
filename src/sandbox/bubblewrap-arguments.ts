import type { Limits } from './limits.ts';
import type { Mount } from './mounts.ts';
import type { Plan } from './plan.ts';

/** Descriptors that bwrap and what starts in it are given; generated files follow from `data` on. */
export const DESCRIPTORS = {
  gate: 3,
  status: 4,
  lifeline: 5,
  arguments: 6,
  seccomp: 7,
  environment: 8,
  data: 9,
} as const;

/** Options for bwrap, to be handed over by descriptor, and the texts that descriptors from `data` on must give. */
export interface BubblewrapArguments {
  readonly options: readonly string[];
  readonly texts: readonly string[];
}

/** What bwrap is told for a plan. Source: bwrap(1), version 0.8. */
export function bubblewrapArguments(plan: Plan): BubblewrapArguments {
  const texts: string[] = [];
  const network = plan.network.kind === 'isolated' ? ['--unshare-net'] : [];
  const session = plan.tty ? [] : ['--new-session'];
  const options = [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', ...network],
    ...['--disable-userns', '--cap-drop', 'ALL', '--die-with-parent', ...session, '--hostname', 'palyra', '--clearenv'],
    ...plan.mounts.flatMap((mount) => mountOptions(mount, texts)),
    ...['--chdir', plan.cwd, '--json-status-fd', `${DESCRIPTORS.status}`, '--seccomp', `${DESCRIPTORS.seccomp}`],
  ];
  return { options, texts };
}

/**
 * What bwrap starts: say that it stands, wait for one line on the gate, set the limits, take on the environment that the
 * `environment` descriptor gives, and become the command. Until then there is no variable that a loader, a shell or
 * prlimit could obey. If palyra dies first the gate ends without a line, and nothing was run.
 */
export function gatedCommand(plan: Plan, prlimit: string): string[] {
  const limits = limitOptions(plan.limits, plan.memory === 'watchdog');
  const signals = plan.tty ? ['/usr/bin/env', '--default-signal=INT,QUIT'] : [];
  const command = ['/bin/sh', '-c', COMMAND, 'palyra', ...plan.argv];
  return ['/bin/sh', '-c', GATE, 'palyra', ...signals, prlimit, ...limits, '--', ...command];
}

/** The environment as lines of shell: others can read what stands in an argument, nobody what comes by a descriptor. */
export function environmentScript(environment: Plan['environment']): string {
  // `command`: a name that some shell keeps for itself does not end it
  const lines = Object.entries(environment).map(
    ([name, value]) => `command export ${name}='${value.replaceAll("'", "'\\''")}'\n`,
  );
  return lines.join('');
}

/**
 * The same command with a companion that ends its process group when the lifeline ends, which is when palyra dies.
 * bwrap alone leaves its first process behind when its parent dies in the millisecond before that process could ask to
 * die with it. The shell becomes the command, so palyra stays its parent.
 */
export function withLifeline(command: readonly string[]): string[] {
  return ['/bin/sh', '-c', LIFELINE, 'palyra', ...command];
}

/**
 * The same command on a terminal, as a job of its own: whom it signals, and what is typed there (Ctrl-C), is no business
 * of palyra's nor of the shell that palyra was started from. bwrap itself would die of what is typed and take the command
 * along. A job that stops itself goes on: nobody is there who could have it go on later.
 */
export function onTerminal(command: readonly string[]): string[] {
  const job = withLifeline(['/usr/bin/env', '--ignore-signal=INT,QUIT', ...command]);
  return ['/bin/sh', '-mc', JOB, 'palyra', ...job];
}

const JOB = '"$@"; while fg %% >/dev/null 2>&1; do :; done';
const GATE = `echo >&${DESCRIPTORS.gate} && read -r go <&${DESCRIPTORS.gate} || exit 125; exec "$@" ${DESCRIPTORS.gate}<&-`;
// the shell's own variables are not the command's; no variable of a command begins with palyra_
const COMMAND = `
while IFS= read -r palyra_line; do palyra_all="$palyra_all$palyra_line
"; done <&${DESCRIPTORS.environment}
unset PWD OLDPWD SHLVL
eval "$palyra_all" 2>/dev/null
case $1 in
*/*) [ -e "$1" ] && palyra_found=1 ;;
*) IFS=:; for palyra_folder in $PATH; do [ -e "$palyra_folder/$1" ] && palyra_found=1; done; unset IFS ;;
esac
[ "$palyra_found" ] || { printf 'palyra: %s: no such command inside\\n' "$1" >&2; exit 127; }
case $1 in */*) [ -f "$1" ] && [ -x "$1" ] || { printf 'palyra: %s: not a file that may be run\\n' "$1" >&2; exit 126; } ;; esac
exec "$@" ${DESCRIPTORS.environment}<&-`;
const LIFELINE = `(exec >/dev/null 2>&1 3<&- 4<&- 6<&- 7<&- 8<&- 9<&-; read -r end <&${DESCRIPTORS.lifeline}; kill -9 0) & exec "$@" ${DESCRIPTORS.lifeline}<&-`;

/** Options of prlimit(1). Set inside, for the number of processes is counted for each user and user namespace. */
function limitOptions(limits: Limits, bounded: boolean): string[] {
  const seconds = Math.ceil(limits.cpuTimeLimitMs / 1000);
  return [
    '--core=0',
    // the soft limit is SIGXCPU, which can be told apart; the hard one kills who ignores it
    `--cpu=${seconds}:${seconds + 1}`,
    `--fsize=${limits.maxFileSizeBytes}`,
    `--nofile=${limits.maxOpenFiles}`,
    `--nproc=${limits.maxProcesses}`,
    // not the address space: Node reserves more than it uses
    ...(bounded ? [`--data=${limits.memoryLimitBytes}`] : []),
  ];
}

function mountOptions(mount: Mount, texts: string[]): string[] {
  switch (mount.kind) {
    case 'read':
      return [mount.path.startsWith('/etc/') ? '--ro-bind-try' : '--ro-bind', mount.from, mount.path];
    case 'write':
      return ['--bind', mount.from, mount.path];
    case 'link':
      return ['--symlink', mount.target, mount.path];
    case 'text':
      texts.push(mount.text);
      // below /etc a copy does, for the root is sealed; each mount costs a quarter of a millisecond
      return [
        ...['--perms', '0444', mount.path.startsWith('/etc/') ? '--file' : '--ro-bind-data'],
        ...[`${DESCRIPTORS.data + texts.length - 1}`, mount.path],
      ];
    case 'tmpfs':
      return ['--perms', mount.mode, '--size', `${mount.bytes}`, '--tmpfs', mount.path];
    case 'proc':
    case 'dev':
      return [`--${mount.kind}`, mount.path];
    case 'seal':
      return ['--remount-ro', mount.path];
  }
}
