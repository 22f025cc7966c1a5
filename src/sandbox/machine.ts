import type { HardLimits } from './limits.ts';
import type { Architecture } from './seccomp.ts';

/** What this machine can enforce, as found by an adapter. Paths are absolute; null: not there. */
export interface Machine {
  readonly platform: string;
  /** null: no seccomp program can be assembled for this processor */
  readonly architecture: Architecture | null;
  readonly uid: number;
  readonly gid: number;
  readonly programs: {
    readonly bwrap: string | null;
    readonly prlimit: string | null;
    readonly perl: string | null;
    readonly setpriv: string | null;
    readonly node: string;
    readonly sandboxExec: string | null;
  };
  readonly seccomp: boolean;
  /** 0: the kernel has none, or nothing here can ask for it */
  readonly landlockAbi: number;
  /** control groups that this process may create */
  readonly cgroup: 'v1' | 'v2' | null;
  readonly hardLimits: HardLimits;
  /** those of SYSTEM_PATHS that exist */
  readonly systemPaths: readonly SystemPath[];
}

/** A file system entry; `target`: what a link says, verbatim. */
export interface SystemPath {
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'link';
  readonly target?: string;
}

/** Read-only inside, where they exist; nothing else of the host is visible but the workspace. */
export const SYSTEM_PATHS = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/localtime',
  // certificates, without /etc/ssl/private
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/ssl/cert.pem',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/ca-trust/extracted',
  '/etc/ca-certificates/extracted',
] as const;

/** What the plan must know of the folder that the command works in. */
export interface Workspace {
  /** as given and made absolute */
  readonly path: string;
  readonly realpath: string | null;
  readonly uid: number;
  readonly gid: number;
  /** those of the protected paths that exist, relative to it */
  readonly protectedPaths: readonly SystemPath[];
}
