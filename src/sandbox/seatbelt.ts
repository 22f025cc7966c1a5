import type { Plan } from './plan.ts';

/**
 * The Seatbelt profile of tier c on macOS: everything is denied unless it is named here. Untested on a real Mac; the
 * attestation says so. The names of operations are those of the profiles that macOS ships in /System/Library/Sandbox.
 */
export function seatbeltProfile(plan: Plan): string {
  const workspace = quoted(plan.workspace);
  const lines = [
    '(version 1)',
    '(deny default (with message "palyra"))',
    '(allow process-exec)',
    '(allow process-fork)',
    '(allow signal (target same-sandbox))',
    '(allow process-info* (target same-sandbox))',
    '(allow sysctl-read)',
    '(allow mach-lookup (global-name "com.apple.system.notification_center"))',
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
    ...(plan.network.kind === 'shared'
      ? ['(allow mach-lookup (global-name "com.apple.SystemConfiguration.configd"))']
      : []),
    '(allow file-read-metadata (subpath "/"))',
    `(allow file-read* ${READABLE.map((path) => `(subpath ${quoted(path)})`).join(' ')})`,
    `(allow file-read* ${READABLE_FILES.map((path) => `(literal ${quoted(path)})`).join(' ')})`,
    '(allow file-read* file-write-data (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))',
    '(allow file-read* (literal "/dev/random") (literal "/dev/urandom"))',
    `(allow file-read* file-write* (subpath ${workspace}))`,
    // the last rule that matches counts
    ...plan.protectedPaths.map((path) => `(deny file-write* (subpath ${quoted(`${plan.workspace}/${path}`)}))`),
    ...plan.hiddenPaths.map((path) => `(deny file-read* file-write* (subpath ${quoted(path)}))`),
    '(deny file-write-setugid)',
    ...(plan.network.kind === 'shared' ? ['(allow network*)', '(deny network* (remote unix-socket))'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** A string of the profile's language, which is Scheme. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

const READABLE = [
  '/usr',
  '/bin',
  '/sbin',
  '/System',
  '/Library/Apple',
  '/private/var/db/timezone',
  '/private/etc/ssl',
  '/opt/homebrew',
];
const READABLE_FILES = [
  '/',
  '/private/etc/hosts',
  '/private/etc/resolv.conf',
  '/private/etc/passwd',
  '/private/etc/group',
];
