import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical.ts';
import type { EgressMode } from './egress.ts';
import type { HostRules } from './hosts.ts';
import { boundLimits, type Limits } from './limits.ts';
import type { Machine, SystemPath, Workspace } from './machine.ts';
import { type Mount, mountsFor } from './mounts.ts';
import { PROTECTED_NAMES } from './protected-files.ts';
import { planRelays, type RelayPlan } from './relays.ts';
import type { SocketFamilies } from './seccomp.ts';
import { type Executor, executorOf, type Tier } from './tier.ts';

/** What is asked for, parsed and within the configuration. */
export interface RunRequest {
  readonly argv: readonly [string, ...string[]];
  readonly tier: Tier;
  readonly egress: EgressMode;
  readonly hosts: HostRules;
  readonly workspace: Workspace;
  /** real path, in the workspace */
  readonly cwd: string;
  /** the whole environment (environment.ts) */
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly stdin: 'null' | 'pipe';
  readonly tty: boolean;
  readonly allowRoot: boolean;
  /** real paths that must not be visible: the state root, the configuration */
  readonly hidden: readonly SystemPath[];
  /** real paths of the caller's homes: the password database's and $HOME */
  readonly homes: readonly string[];
  /** real paths of the folders from which the caller's shell starts programs by name */
  readonly searchFolders: readonly string[];
}

/** How the network is had: shared with the host, none, or only through the proxy. */
export type Network =
  | { readonly kind: 'shared' }
  | { readonly kind: 'isolated' }
  | { readonly kind: 'proxied'; readonly rules: HostRules; readonly relays: RelayPlan };

/** One run, word for word. Nothing that matters is decided after it; approval and journal bind its digest. */
export interface Plan {
  readonly tier: Tier;
  readonly egress: EgressMode;
  readonly executor: Executor;
  readonly argv: readonly [string, ...string[]];
  readonly workspace: string;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: Limits;
  /** who it runs as, when that is not the caller */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly asRoot: boolean;
  readonly stdin: 'null' | 'pipe';
  readonly tty: boolean;
  readonly network: Network;
  /** sockets that the seccomp program leaves; null: no program */
  readonly seccomp: SocketFamilies | null;
  /** the version of Landlock that is used; 0: none */
  readonly landlockAbi: number;
  readonly memory: 'cgroup' | 'watchdog';
  /** in order; later ones cover earlier ones; empty where nothing is mounted */
  readonly mounts: readonly Mount[];
  readonly protectedPaths: readonly string[];
  /** real paths that are covered, or denied */
  readonly hiddenPaths: readonly string[];
  /** every layer that will hold, and those that are only soft, in the words of the report */
  readonly layers: readonly string[];
}

/** Why there is no plan. `refused` is an answer (126, or 127 for no such command); `setup_failed` needs the operator (125). */
export interface NoPlan {
  readonly outcome: 'refused' | 'setup_failed';
  readonly reasonCode: string;
  readonly message: string;
  readonly hint: string;
}

export type Planned = { readonly ok: true; readonly plan: Plan } | ({ readonly ok: false } & NoPlan);

/** Decide how a command runs. What cannot be enforced on this machine is refused, never weakened. */
export function planRun(request: RunRequest, machine: Machine): Planned {
  const refused =
    refuseWorkspace(request, machine) ??
    refuseMachine(request, machine) ??
    refuseRoot(request, machine) ??
    refuseVisible(request);
  if (refused !== undefined) return { ok: false, ...refused };

  const { tier, egress, workspace } = request;
  const linuxC = tier === 'c' && machine.platform !== 'darwin';
  const network = networkFor(request);
  // a folder that root made over to somebody may still have root's group, which opens more than the folder
  const gid = workspace.gid === 0 ? NOBODY : workspace.gid;
  const user = machine.uid === 0 && workspace.uid !== 0 ? { uid: workspace.uid, gid } : null;
  const confined = tier === 'b' && machine.programs.perl !== null;
  const base = {
    tier,
    egress,
    executor: executorOf(tier, machine.platform),
    argv: request.argv,
    workspace: workspace.realpath ?? workspace.path,
    cwd: request.cwd,
    environment:
      network.kind === 'proxied' ? { ...request.environment, ...network.relays.environment } : request.environment,
    limits: boundLimits(request.limits, machine.hardLimits),
    user,
    asRoot: machine.uid === 0 && user === null,
    stdin: request.stdin,
    tty: request.tty,
    network,
    seccomp: socketsFor(request, machine, linuxC || confined),
    landlockAbi: confined ? machine.landlockAbi : 0,
    memory: machine.cgroup === null || machine.platform === 'darwin' ? ('watchdog' as const) : ('cgroup' as const),
    mounts: linuxC ? mountsFor(request, machine, network) : [],
    protectedPaths: workspace.protectedPaths.map((entry) => entry.path),
    hiddenPaths: request.hidden.map((entry) => entry.path),
  };
  return { ok: true, plan: { ...base, layers: layersOf(base) } };
}

/** What is bound: SHA-256 over `palyra.plan/1`, a line feed and the canonical JSON of the record. */
export function planSha256(plan: Plan): string {
  return createHash('sha256')
    .update(`palyra.plan/1\n${canonicalJson(planRecord(plan))}`)
    .digest('hex');
}

/** The plan as JSON says it; its fields are listed here and nowhere else. */
export function planRecord(plan: Plan): Readonly<Record<string, unknown>> {
  return {
    tier: plan.tier,
    egress: plan.egress,
    executor: plan.executor,
    argv: plan.argv,
    workspace: plan.workspace,
    cwd: plan.cwd,
    environment: plan.environment,
    limits: limitsRecord(plan.limits),
    user: plan.user,
    as_root: plan.asRoot,
    stdin: plan.stdin,
    tty: plan.tty,
    network: plan.network,
    seccomp: plan.seccomp,
    landlock_abi: plan.landlockAbi,
    memory: plan.memory,
    mounts: plan.mounts,
    protected_paths: plan.protectedPaths,
    hidden_paths: plan.hiddenPaths,
    layers: plan.layers,
  };
}

/** Limits under their names in `palyra.toml`. */
export function limitsRecord(limits: Limits): Readonly<Record<string, number>> {
  return {
    timeout_ms: limits.timeoutMs,
    cpu_time_limit_ms: limits.cpuTimeLimitMs,
    memory_limit_bytes: limits.memoryLimitBytes,
    max_output_bytes: limits.maxOutputBytes,
    max_processes: limits.maxProcesses,
    max_file_size_bytes: limits.maxFileSizeBytes,
    max_open_files: limits.maxOpenFiles,
    tmp_size_bytes: limits.tmpSizeBytes,
  };
}

// nogroup, as Linux gives what it cannot map
const NOBODY = 65_534;

function refuseWorkspace(request: RunRequest, machine: Machine): NoPlan | undefined {
  const { workspace, cwd, hidden } = request;
  const { path, realpath } = workspace;
  if (realpath === null)
    return refusal('sandbox.workspace', `no folder ${path}`, 'give --workspace DIR, a folder that exists');
  const notOne = notAProject(realpath, request, machine);
  const hint = 'make a folder for the work, and give it with --workspace';
  if (realpath !== path) {
    const message = `the workspace ${path} is reached through a link`;
    return refusal('sandbox.workspace', message, notOne === undefined ? `--workspace ${realpath}` : hint);
  }
  if (notOne !== undefined) {
    return refusal('sandbox.workspace', `${realpath} is no workspace: ${notOne}`, hint);
  }
  if (cwd !== realpath && !cwd.startsWith(`${realpath}/`)) {
    return refusal('sandbox.workspace', `${cwd} is outside the workspace`, `run it below ${realpath}`);
  }
  const around = hidden.find((entry) => realpath === entry.path || realpath.startsWith(`${entry.path}/`));
  if (around === undefined) return undefined;
  const message = `the workspace lies in ${around.path}, which is never visible`;
  return refusal('sandbox.workspace', message, 'give another folder');
}

/** Why a folder is none of one project: what may be written there runs or decides something elsewhere. */
function notAProject(path: string, request: RunRequest, machine: Machine): string | undefined {
  const { workspace, homes } = request;
  if (OF_THE_SYSTEM.test(path) && !isBuildFolder(path, workspace, machine)) return 'it is the system’s';
  if (HOLDS_MANY.test(path)) return 'it holds what belongs to many';
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/\/\.git(\/|$)/.test(path) || (PROTECTED_NAMES as readonly string[]).includes(name)) {
    return 'programs obey what is in it';
  }
  if (A_HOME.test(path) || homes.includes(path)) return 'it is a home';
  if (homes.some((home) => home.startsWith(`${path}/`))) return 'a home is in it';
  const isSettings = homes.some((home) => path.startsWith(`${home}/.`)) || IN_A_HOME.test(path);
  if (isSettings) return 'it holds settings and keys of a home';
  const searched = searchFolderAt(path, request);
  return searched === undefined ? undefined : `your shell starts programs by name from ${searched} (PATH)`;
}

/** Where build servers keep what they check out: somebody's, though among the system's. */
function isBuildFolder(path: string, { uid }: Workspace, machine: Machine): boolean {
  return BUILD_FOLDER.test(path) && uid !== 0 && (machine.uid === 0 || machine.uid === uid);
}

/** Whoever writes there decides what runs when the caller types `ls`. */
function searchFolderAt(path: string, { workspace, homes, searchFolders }: RunRequest): string | undefined {
  const around = searchFolders.find(
    (folder) => (folder === path || path.startsWith(`${folder}/`)) && folder !== '/' && !homes.includes(folder),
  );
  if (around !== undefined) return around;
  // npm, direnv and virtual environments put folders of a project there while one works in it
  const isCheckout = workspace.protectedPaths.some((entry) => /^(\.git(\/.*)?|\.envrc)$/.test(entry.path));
  if (isCheckout) return undefined;
  return searchFolders.find((folder) => folder.startsWith(`${path}/`) && !OF_A_PROJECT.test(folder.slice(path.length)));
}

const OF_THE_SYSTEM =
  /^\/(usr|bin|sbin|lib\w*|etc|boot|run|dev|proc|sys|var\/(lib|spool|run)|System|Library|private\/(etc|var\/(db|run)))(\/.*)?$/;
const BUILD_FOLDER = /^\/var\/lib\/[^/]+\/(.+\/)?(workspaces?|builds|pipelines|_?work)\/[^/]/;
const OF_A_PROJECT = /\/(node_modules|vendor|v?env|\.[^/]+)\//;
const HOLDS_MANY = /^\/(var|var\/tmp|tmp|home|Users|opt|srv|mnt|media|private|private\/(var|tmp))?$/;
const A_HOME = /^\/(root|(home|Users)\/[^/]+)$/;
const IN_A_HOME = /^\/(root|(home|Users)\/[^/]+)\/\.|^\/Users\/[^/]+\/Library(\/|$)/;

function refuseMachine(request: RunRequest, machine: Machine): NoPlan | undefined {
  const { tier, egress, hosts, tty } = request;
  const { programs } = machine;
  const anyHost = hosts.hosts.length + hosts.suffixes.length > 0;
  if (tier === 'c' && machine.platform === 'darwin') {
    if (programs.sandboxExec === null) return missing('sandbox-exec', 'it is part of macOS');
    if (tty) return refusal('sandbox.macos_tty', 'sandbox-exec cannot guard a terminal', 'leave --tty out');
    if (egress !== 'strict' || !anyHost) return undefined;
    return refusal(
      'sandbox.macos_hosts',
      'single hosts cannot be let through on macOS',
      'leave --allow-host out, or use Linux',
    );
  }
  if (machine.platform !== 'linux' && machine.platform !== 'darwin') {
    return failure('sandbox.platform', `nothing contains commands on ${machine.platform}`, 'use Linux or macOS');
  }
  if (tier === 'b') {
    if (machine.platform !== 'linux') return failure('sandbox.platform', 'tier b needs Linux', 'use --tier c');
    if (programs.perl === null || machine.architecture === null) return missing('perl', 'apt-get install perl-base');
    if (tty) return refusal('sandbox.tier_b_tty', 'tier b cannot guard a terminal', 'use --tier c with --tty');
    if (egress !== 'strict') return undefined;
    const isolates = !anyHost && machine.landlockAbi > 0 && machine.seccomp;
    return isolates ? undefined : refusal('sandbox.tier_b_strict', 'tier b cannot isolate the network', 'use --tier c');
  }
  if (programs.prlimit === null) return missing('prlimit', 'apt-get install util-linux');
  if (programs.bwrap === null)
    return missing('bwrap', 'apt-get install bubblewrap   (palyra sandbox check shows what works without)');
  if (!machine.seccomp || machine.architecture === null) {
    return failure(
      'sandbox.seccomp',
      'this kernel or processor has no seccomp filter that is known',
      'palyra sandbox check',
    );
  }
  if (egress === 'strict' && anyHost && programs.perl === null && programs.setpriv === null) {
    return missing('perl', 'apt-get install perl-base');
  }
  return undefined;
}

function refuseRoot({ tier, allowRoot, workspace }: RunRequest, machine: Machine): NoPlan | undefined {
  if (machine.uid !== 0 || allowRoot || workspace.uid !== 0) return undefined;
  const hint = `chown -R USER ${workspace.path}, or say --allow-root`;
  return refusal('sandbox.root', `tier ${tier} would run as root: the workspace belongs to root`, hint);
}

function refuseVisible({ tier, workspace, hidden }: RunRequest): NoPlan | undefined {
  const inside = hidden.find(({ path }) => path.startsWith(`${workspace.realpath}/`));
  if (tier === 'c' || inside === undefined) return undefined;
  return refusal(
    'sandbox.workspace',
    `tier b cannot hide ${inside.path} in the workspace`,
    'move it out of the workspace, or use --tier c',
  );
}

function networkFor({ tier, egress, hosts }: RunRequest): Network {
  if (egress !== 'strict') return { kind: 'shared' };
  if (tier === 'b' || hosts.hosts.length + hosts.suffixes.length === 0) return { kind: 'isolated' };
  return { kind: 'proxied', rules: hosts, relays: planRelays(hosts) };
}

function socketsFor({ tier, egress }: RunRequest, machine: Machine, possible: boolean): SocketFamilies | null {
  if (!possible || !machine.seccomp || machine.architecture === null) return null;
  return tier === 'b' && egress === 'strict' ? 'none' : 'internet';
}

/** The attestation: only what was planned to hold; the runner takes away what did not come about. */
function layersOf(plan: Omit<Plan, 'layers'>): string[] {
  const mac = plan.executor === 'sandbox_tier_c_macos_sandbox_exec';
  const layers = ['environment:scrubbed', mac ? 'limits:time-and-output-only' : 'limits:rlimits'];
  if (mac) layers.push('seatbelt:untested');
  if (plan.executor === 'sandbox_tier_c_linux_bubblewrap') {
    const namespaces = ['user', 'pid', 'ipc', 'uts', 'cgroup', ...(plan.network.kind === 'shared' ? [] : ['net'])];
    layers.push(`namespaces:${namespaces.join(',')}`, 'capabilities:none', 'files:allow-only', 'no-new-privileges');
  }
  if (plan.seccomp !== null) layers.push(`seccomp:${plan.seccomp}`);
  if (plan.landlockAbi > 0) layers.push(`landlock:${plan.landlockAbi}`);
  if (plan.tier === 'b') layers.push('descendants:ended');
  if (plan.user !== null) layers.push(`user:${plan.user.uid}`);
  if (plan.network.kind === 'proxied') layers.push('egress:proxy');
  if (plan.network.kind === 'isolated') layers.push(plan.tier === 'b' ? 'egress:no-sockets' : 'egress:no-network');
  if (plan.egress === 'preflight') layers.push('egress:arguments-only');
  if (!mac) layers.push(plan.memory === 'cgroup' ? 'memory:cgroup' : 'memory:watchdog-soft');
  if (plan.asRoot || plan.tier === 'b')
    layers.push(plan.memory === 'cgroup' ? 'processes:cgroup' : 'processes:watchdog-soft');
  if (plan.tty) layers.push('output:unlimited-on-terminal');
  return layers;
}

function refusal(reasonCode: string, message: string, hint: string): NoPlan {
  return { outcome: 'refused', reasonCode, message, hint };
}

function failure(reasonCode: string, message: string, hint: string): NoPlan {
  return { outcome: 'setup_failed', reasonCode, message, hint };
}

function missing(program: string, hint: string): NoPlan {
  return failure(`sandbox.missing_${program.replace('-', '_')}`, `${program} is not installed`, hint);
}
