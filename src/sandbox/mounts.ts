import type { Machine } from './machine.ts';
import type { Network, RunRequest } from './plan.ts';

/** One step of building the file system inside; `path` is where it is seen. */
export type Mount =
  | { readonly kind: 'read' | 'write'; readonly path: string; readonly from: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  | { readonly kind: 'tmpfs'; readonly path: string; readonly bytes: number; readonly mode: string }
  | { readonly kind: 'proc' | 'dev' | 'seal'; readonly path: string };

/** Everything a contained command sees. Files are visible only if listed; `seal` makes what is there read-only. */
export function mountsFor(request: RunRequest, machine: Machine, network: Network): Mount[] {
  const { limits, workspace } = request;
  const folder = workspace.realpath ?? workspace.path;
  const tmp = (path: string): Mount => ({ kind: 'tmpfs', path, bytes: limits.tmpSizeBytes, mode: '1777' });
  return [
    ...machine.systemPaths.map(
      ({ path, kind, target }): Mount =>
        kind === 'link' && target !== undefined && (!path.startsWith('/etc/') || target.startsWith('/usr/'))
          ? { kind: 'link', path, target }
          : { kind: 'read', path, from: path },
    ),
    ...generated(request, machine, network),
    { kind: 'proc', path: '/proc' },
    // a sandbox of root could else write the host's sysctls
    { kind: 'read', path: '/proc/sys', from: '/proc/sys' },
    { kind: 'dev', path: '/dev' },
    tmp('/dev/shm'),
    tmp('/tmp'),
    { kind: 'link', path: '/var/tmp', target: '/tmp' },
    { kind: 'write', path: folder, from: folder },
    ...protectedMounts(request, folder),
    ...hiddenMounts(request, folder),
    { kind: 'seal', path: '/dev' },
    { kind: 'seal', path: '/' },
  ];
}

/** The few files of /etc that programs ask, without anything of the host's own. */
function generated({ workspace, environment }: RunRequest, machine: Machine, network: Network): Mount[] {
  const dropped = machine.uid === 0 && workspace.uid !== 0;
  const uid = dropped ? workspace.uid : machine.uid;
  const gid = dropped ? workspace.gid : machine.gid;
  const home = environment.HOME ?? '/tmp';
  const name = uid === 0 ? 'root' : 'palyra';
  const text = (path: string, lines: readonly string[]): Mount => ({
    kind: 'text',
    path,
    text: `${lines.join('\n')}\n`,
  });
  const nobody = uid === 65534 ? [] : ['nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin'];
  const files = [
    text('/etc/passwd', [`${name}:x:${uid}:${gid}::${home}:/bin/sh`, ...nobody]),
    text('/etc/group', [`${name}:x:${gid}:`, ...(gid === 65534 ? [] : ['nogroup:x:65534:'])]),
    text('/etc/nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']),
  ];
  if (network.kind === 'shared') {
    const host = (path: string): Mount => ({ kind: 'read', path, from: path });
    return [...files, host('/etc/hosts'), host('/etc/resolv.conf')];
  }
  return [
    ...files,
    { kind: 'text', path: '/etc/hosts', text: network.kind === 'proxied' ? network.relays.hostsFile : NO_HOSTS },
    text('/etc/resolv.conf', ['# no name server: names of allowed hosts are in /etc/hosts']),
  ];
}

const NO_HOSTS = '127.0.0.1 localhost\n::1 localhost\n';

/**
 * Protected files are covered read-only, and the folders that lead to them become mount points of their own, which
 * cannot be renamed or removed: nobody moves `.git` aside and makes another. Links cannot be covered; they are looked
 * at afterwards.
 */
function protectedMounts({ workspace }: RunRequest, folder: string): Mount[] {
  const covered = workspace.protectedPaths.filter((entry) => entry.kind !== 'link').map((entry) => entry.path);
  const leading = new Set<string>();
  for (const path of covered) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
      leading.add(path.slice(0, slash));
  }
  const whole = (path: string): string => `${folder}/${path}`;
  return [
    ...[...leading].map((path): Mount => ({ kind: 'write', path: whole(path), from: whole(path) })),
    ...covered.map((path): Mount => ({ kind: 'read', path: whole(path), from: whole(path) })),
  ];
}

/** What must not be seen although its place is visible: an empty folder or file lies over it. */
function hiddenMounts({ hidden }: RunRequest, folder: string): Mount[] {
  return hidden
    .filter(({ path }) => path.startsWith(`${folder}/`) || /^\/(usr|lib\w*|s?bin)\//.test(path))
    .flatMap(({ path, kind }): Mount[] =>
      kind === 'folder'
        ? [
            { kind: 'tmpfs', path, bytes: 4096, mode: '0555' },
            { kind: 'seal', path },
          ]
        : [{ kind: 'text', path, text: '' }],
    );
}
