import type { Mount } from './mounts.ts';
import type { Plan } from './plan.ts';

/** One mount as the kernel lists it: `root` of the file system `device` is seen at `path`. Source: proc_pid_mountinfo(5). */
export interface Mounted {
  readonly device: string;
  readonly root: string;
  readonly path: string;
  readonly type: string;
}

/** @param text of a mountinfo file, read as latin1 */
export function readMountInfo(text: string): Mounted[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [, , device, root, path] = fields;
    const type = fields[fields.indexOf('-') + 1];
    if (device === undefined || root === undefined || path === undefined || type === undefined) return [];
    return [{ device, root: plainPath(root), path: plainPath(path), type }];
  });
}

/**
 * What is mounted in a sandbox otherwise than planned, in words. Whoever builds it follows paths: where somebody changes
 * them meanwhile, something else may be seen inside, in this place or in another.
 * @param host the mounts outside; what is mounted below something that was bound comes along
 */
export function strangeMount({ workspace, mounts }: Plan, inside: readonly Mounted[], host: () => readonly Mounted[]) {
  const whole = inside.find(({ path }) => path === workspace);
  if (whole === undefined) return `${workspace} is not mounted`;
  const due = new Map<string, Mount[]>([['/', [{ kind: 'seal', path: '/' }]]]);
  for (const mount of mounts) if (isMounted(mount)) due.set(mount.path, [...(due.get(mount.path) ?? []), mount]);
  for (const mounted of inside) {
    const mount = due.get(mounted.path)?.shift();
    if (mount !== undefined ? isAsPlanned(mount, mounted, whole) : isOfBubblewrap(mounted)) continue;
    if (!host().some((outside) => isSame(outside, mounted))) return `${mounted.root} is mounted at ${mounted.path}`;
  }
  const missing = [...due].find(([path, left]) => left.length > 0 && path.startsWith(`${workspace}/`));
  return missing === undefined ? undefined : `nothing is mounted at ${missing[0]}`;
}

/** Options that leave no mount behind: what is sealed is mounted already, and below /etc are copies. */
function isMounted({ kind, path }: Mount): boolean {
  return kind !== 'link' && kind !== 'seal' && !(kind === 'text' && path.startsWith('/etc/'));
}

/** The system's paths are nobody's to change; below the workspace a path must show what has that path. */
function isAsPlanned({ kind }: Mount, { path, root, device }: Mounted, workspace: Mounted): boolean {
  if ((kind !== 'read' && kind !== 'write') || !path.startsWith(`${workspace.path}/`)) return true;
  const top = workspace.root === '/' ? '' : workspace.root;
  return device === workspace.device && root === top + path.slice(workspace.path.length);
}

/** What comes with `--dev` and `--proc`. */
function isOfBubblewrap({ path, root, type }: Mounted): boolean {
  if (type === 'proc') return path.startsWith('/proc/') && path.endsWith(root);
  if (path === '/dev/pts') return type === 'devpts';
  return DEVICE.test(path) && (root === path.slice('/dev'.length) || type === 'devpts');
}

const DEVICE = /^\/dev\/(null|zero|full|random|urandom|tty|console)$/;

function isSame(one: Mounted, other: Mounted): boolean {
  return one.device === other.device && one.root === other.root && one.path === other.path;
}

/** Blanks and backslashes are written as octal numbers. */
function plainPath(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
