import { posix } from 'node:path';
import { count } from '../text.ts';
import { size } from './describe-plan.ts';
import { hostTexts, howToAllow } from './hosts.ts';
import type { Obstacle } from './obstacles.ts';
import type { Plan } from './plan.ts';
import { isBelow } from './preflight/paths.ts';

/**
 * What a command that failed complained of, put beside what holds inside: compilers and resolvers know of no sandbox.
 * @param said the end of what it wrote to standard error; read for well-known words alone
 * @param isRefusalTold whether a refused destination explains already what it did not reach
 */
export function complaintsOf(plan: Plan, said: string, isRefusalTold: boolean): Obstacle[] {
  const lines = said.split('\n');
  return [
    ...readOnly(plan, lines.filter(says(READ_ONLY))),
    ...notInside(plan, lines.filter(says(NOT_FOUND))),
    ...noRight(plan, lines.filter(says(NO_RIGHT))),
    ...(isRefusalTold || !lines.some(says(NO_NETWORK)) ? [] : noNetwork(plan)),
    ...LIMITS.flatMap(({ words, met, key }) => {
      const limit = lines.some(says(words)) ? met(plan) : undefined;
      return limit === undefined ? [] : [{ what: `it may have met a limit: ${limit}`, hint: `${key} in palyra.toml` }];
    }),
  ];
}

const READ_ONLY = /read-only file system|device or resource busy|\b(EROFS|EBUSY)\b/i;
const NOT_FOUND = /no such file or directory|\bENOENT\b/i;
const NO_RIGHT = /permission denied|\bEACCES\b/i;
const NO_NETWORK =
  /could not resolve|name resolution|name or service not known|network is unreachable|couldn't connect to server|failed to connect to|\b(ENETUNREACH|EAI_AGAIN|ENOTFOUND)\b/i;

/** Limits that a program hears of and may end with a code of its own. */
const LIMITS: readonly {
  readonly words: RegExp;
  readonly met: (plan: Plan) => string | undefined;
  readonly key: string;
}[] = [
  {
    words: /cannot fork|\b(fork|spawn|thread|process)\w*\b.*(resource temporarily unavailable|\bEAGAIN\b)/i,
    met: ({ limits }) => `${limits.maxProcesses} processes at a time`,
    key: 'max_processes',
  },
  {
    words: /no space left on device|\bENOSPC\b/i,
    met: ({ tier, limits }) => (tier === 'c' ? `temporary folders of ${size(limits.tmpSizeBytes)}` : undefined),
    key: 'tmp_size_bytes',
  },
  {
    words: /file size limit exceeded|file too large|\bEFBIG\b/i,
    met: ({ limits }) => `files of ${size(limits.maxFileSizeBytes)}`,
    key: 'max_file_size_bytes',
  },
  {
    words: /memory exhausted|memoryerror|out of memory|cannot allocate memory|bad_alloc|\bENOMEM\b/i,
    met: ({ limits }) => `memory of ${size(limits.memoryLimitBytes)}`,
    key: 'memory_limit_bytes',
  },
  {
    words: /too many open files|\bEMFILE\b/i,
    met: ({ limits }) => `${limits.maxOpenFiles} open files`,
    key: 'max_open_files',
  },
];

function says(words: RegExp): (line: string) => boolean {
  return (line) => words.test(line);
}

function readOnly({ tier, workspace, protectedPaths, cwd }: Plan, lines: readonly string[]): Obstacle[] {
  if (tier !== 'c' || lines.length === 0) return [];
  const paths = pathsIn(lines, cwd);
  const guarded = protectedPaths.filter((path) => paths.some((met) => isBelow(met, `${workspace}/${path}`)));
  if (guarded.length > 0) {
    const hint = 'programs obey it: change it yourself, outside of palyra exec';
    return guarded.map((path) => ({ what: `${path} is protected, and read-only inside`, hint }));
  }
  if (!lines.some((line) => !/device or resource busy|\bEBUSY\b/i.test(line))) return [];
  const but = protectedPaths.length === 0 ? '' : `, but for ${count(protectedPaths.length, 'protected file')}`;
  const what = `it met a read-only file system: writable are ${workspace}${but}, and /tmp`;
  return [{ what, hint: '--workspace DIR works in another folder' }];
}

/** Files are visible only if listed: one that is there outside may not be there inside. */
function notInside({ tier, mounts, cwd, workspace }: Plan, lines: readonly string[]): Obstacle[] {
  if (tier !== 'c' || mounts.length === 0) return [];
  const seen = mounts.filter(({ kind }) => kind !== 'seal' && kind !== 'tmpfs').map(({ path }) => path);
  const isSeen = (path: string) => seen.some((shown) => isBelow(path, shown) || isBelow(shown, path));
  const hint = `it sees the system and ${workspace}: copy there what it needs`;
  return some(pathsIn(lines, cwd).filter((path) => !isSeen(path))).map((path) => ({
    what: `${path} is not inside`,
    hint,
  }));
}

function noRight({ tier, landlockAbi, user, workspace, cwd }: Plan, lines: readonly string[]): Obstacle[] {
  const paths = pathsIn(lines, cwd);
  if (tier === 'b' && landlockAbi > 0) {
    const isWritable = (path: string) => [workspace, ...TEMPORARY].some((folder) => isBelow(path, folder));
    const hint = `it may read the system, and write in ${workspace} and the temporary folders`;
    return some(paths.filter((path) => !isWritable(path))).map((path) => ({ what: `${path} is out of reach`, hint }));
  }
  if (user === null || lines.length === 0) return [];
  const met = paths[0] ?? 'what it asked for';
  const what = `${met} is not for uid ${user.uid}, who owns the workspace: root's commands run as its owner`;
  return [{ what, hint: 'ls -l shows whose it is' }]; // without its name: the command chose it
}

const TEMPORARY = ['/tmp', '/var/tmp', '/dev/shm'];

function noNetwork({ network }: Plan): Obstacle[] {
  if (network.kind === 'shared') return [];
  const hint = howToAllow('HOST');
  if (network.kind === 'isolated') {
    return [{ what: 'it found no network: egress is strict, and no host is allowed', hint }];
  }
  const hosts = hostTexts(network.rules);
  const more = hosts.length > SHOWN_HOSTS ? ` and ${hosts.length - SHOWN_HOSTS} more` : '';
  const reached = `${hosts.slice(0, SHOWN_HOSTS).join(', ')}${more}`;
  return [{ what: `it found no way to a host: it reaches ${reached}, and nothing else`, hint }];
}

/** The absolute paths, and those in the working directory, that lines name; without what is a part of a URL. */
function pathsIn(lines: readonly string[], cwd: string): string[] {
  const found = lines.flatMap((line) => line.match(PATH) ?? []).filter((path) => !path.startsWith('//'));
  return [...new Set(found.map((path) => posix.resolve(cwd, path)))];
}

const PATH = /(?<![\w.~/-])(?:\.{0,2}\/|\.?[\w-][\w.-]*\/|\.(?=[a-z]))[^\s'"`‘’:;,()<>|]{0,200}/g;

function some(paths: readonly string[]): readonly string[] {
  return paths.slice(0, SHOWN_PATHS);
}

const SHOWN_PATHS = 3;
const SHOWN_HOSTS = 5;
