import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { Finding } from '../finding.ts';
import type { MachineInspector } from '../store/inspection.ts';

/** Inspects the machine that we run on, by trying. */
export const machineInspector: MachineInspector = {
  inspectMachine(wantsSandbox) {
    const found = [...inspectNode(process.versions.node), ...inspectLock()];
    return process.platform === 'linux' ? [...found, ...inspectSandbox(wantsSandbox)] : found;
  },

  inspectConfigFile(path) {
    const stats = statSync(path, { throwIfNoEntry: false });
    const uid = process.getuid?.() ?? 0;
    if (stats === undefined || ((stats.uid === uid || stats.uid === 0) && (stats.mode & 0o022) === 0)) return [];
    const isForeign = stats.uid !== uid && stats.uid !== 0;
    return [
      {
        code: 'config.writable_by_others',
        isWrong: true,
        what: `${path} can be changed by others (uid ${stats.uid}, mode ${(stats.mode & 0o777).toString(8)})`,
        why: 'it says which tools may run, and with which policies',
        remedy: isForeign ? `chown ${uid} ${path}` : `chmod go-w ${path}`,
        isFixable: false,
      },
    ];
  },
};

/** package.json: engines */
const NODE_NEEDED = [20, 17] as const;

function inspectNode(version: string): Finding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])) return [];
  return [
    {
      code: 'machine.node_too_old',
      isWrong: true,
      what: `this Node is ${version}`,
      why: `palyra needs ${NODE_NEEDED.join('.')} or newer`,
      remedy: 'install a newer Node',
      isFixable: false,
    },
  ];
}

function inspectLock(): Finding[] {
  if (process.platform === 'darwin' || program('flock') !== null) return [];
  return [
    {
      code: 'machine.no_flock',
      isWrong: true,
      what: 'there is no flock program',
      why: 'without a lock of the kernel two commands could overwrite each other, so nothing can be changed',
      remedy: 'install util-linux',
      isFixable: false,
    },
  ];
}

function inspectSandbox(isWanted: boolean): Finding[] {
  const bwrap = program('bwrap');
  if (bwrap === null) {
    return [
      {
        code: 'machine.no_bubblewrap',
        isWrong: isWanted,
        what: 'there is no bubblewrap (bwrap)',
        why: 'tier c runs commands in it; without it they are refused',
        remedy: "apt-get install bubblewrap   (or your system's package of it)",
        isFixable: false,
      },
    ];
  }
  const tried = spawnSync(bwrap, TRIAL, { cwd: '/', env: {}, timeout: TRIAL_MS, encoding: 'utf8' });
  const refused: Finding[] =
    tried.status === 0
      ? []
      : [
          {
            code: 'machine.no_user_namespaces',
            isWrong: isWanted,
            what: 'bubblewrap cannot make user and network namespaces here',
            why: tried.stderr?.trim().split('\n')[0] || `it ended with ${tried.status ?? tried.signal ?? 'no status'}`,
            remedy: namespaceRemedy(),
            isFixable: false,
          },
        ];
  return program('perl') === null ? [...refused, noPerl()] : refused;
}

const TRIAL = ['--unshare-user', '--unshare-net', '--unshare-pid', '--ro-bind', '/', '/', '--', '/bin/true'];
const TRIAL_MS = 5000;

function noPerl(): Finding {
  return {
    code: 'machine.no_perl',
    isWrong: false,
    what: 'there is no perl',
    why: 'Landlock, seccomp for tier b and fast relays into a sandbox are set up by it; without it they are slower, or missing',
    remedy: "apt-get install perl-base   (or your system's package of it)",
    isFixable: false,
  };
}

/** The switches by which kernels and distributions turn user namespaces off. */
function namespaceRemedy(): string {
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (or an AppArmor profile for bwrap)';
  }
  if (setting('kernel/unprivileged_userns_clone') === '0') return 'sudo sysctl -w kernel.unprivileged_userns_clone=1';
  if (setting('user/max_user_namespaces') === '0') return 'sudo sysctl -w user.max_user_namespaces=15000';
  return 'palyra sandbox check   (in a container, the runtime may forbid it)';
}

function setting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Programs are taken from the system's own folders by absolute path, whatever PATH says. */
function program(name: string): string | null {
  const isThere = (path: string): boolean => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return ['/usr/bin', '/bin', '/usr/local/bin'].map((folder) => `${folder}/${name}`).find(isThere) ?? null;
}
