import { count } from '../text.ts';
import { inWords } from '../time.ts';
import type { Execution, Limit, ProtectedChange, RepositoryChange } from './execution.ts';
import { type Destination, destinationText } from './hosts.ts';
import type { Plan } from './plan.ts';

/** What was in the way of a command, and the option or setting that would let it. */
export interface Obstacle {
  readonly what: string;
  readonly hint: string;
}

/**
 * What the sandbox kept a command from, as far as it is known: what was refused to it, what was put aside, what stopped
 * it; and where it says itself that it failed, what is so inside.
 * @param said the end of what it wrote to standard error
 */
export function obstaclesOf(
  { ending, destinations, protectedFiles, repositories }: Execution,
  plan: Plan,
  said: string,
): Obstacle[] {
  const stopped: Obstacle[] =
    ending.outcome === 'timed_out'
      ? [{ what: `stopped after ${inWords(plan.limits.timeoutMs)}`, hint: 'timeout_ms, --timeout' }]
      : ending.outcome === 'limit'
        ? [{ what: STOPPED[ending.limit], hint: LIMITED_BY[ending.limit] }]
        : [];
  return [
    ...stopped,
    ...destinations.filter(({ verdict }) => verdict === 'refused').map(refusedDestination),
    ...protectedFiles.map(protectedObstacle),
    ...repositories.map(repositoryObstacle),
    ...(ending.exitCode === 0 ? [] : saidObstacles(plan, said)),
  ];
}

/** A change of what programs obey, and what to do about it. */
export function protectedObstacle({ path, change, movedTo, problem }: ProtectedChange): Obstacle {
  const what = `${path} was ${change}`;
  if (problem !== undefined) {
    return { what: `${what}, and STILL STANDS: ${problem}`, hint: 'programs obey it: remove it before anything else' };
  }
  return {
    what: movedTo === null ? what : `${what}, and is put aside as ${movedTo}`,
    hint: 'programs obey this file: look at it before you put it in its place',
  };
}

function repositoryObstacle({ path, change }: RepositoryChange): Obstacle {
  return {
    what: `the git repository ${path} was ${change}: its configuration and hooks are the command’s`,
    hint: 'git may run them, in there and above it: look at them first',
  };
}

const STOPPED: Readonly<Record<Limit, string>> = {
  memory: 'stopped: it used more memory than it may',
  output: 'stopped: it wrote more than it may',
  cpu: 'stopped: it used more processor time than it may',
  file_size: 'stopped: it wrote a larger file than it may',
  processes: 'stopped: it ran more processes than it may',
};
const LIMITED_BY: Readonly<Record<Limit, string>> = {
  memory: 'memory_limit_bytes, --memory',
  output: 'max_output_bytes, --max-output',
  cpu: 'cpu_time_limit_ms',
  file_size: 'max_file_size_bytes',
  processes: 'max_processes',
};

function refusedDestination(destination: Destination): Obstacle {
  const at = destinationText(destination, destination.port);
  const what = `refused: ${at} (${destination.reason})`;
  switch (destination.reason) {
    case 'host_not_listed':
    case 'port_not_listed':
    case 'address_literal':
      return { what, hint: `--allow-host ${at}, if it is among allowed_egress_hosts` };
    default:
      return { what, hint: 'no option allows it' };
  }
}

/** Compilers and resolvers do not know of sandboxes: what they report is put beside what holds here. */
function saidObstacles({ tier, workspace, network, protectedPaths }: Plan, said: string): Obstacle[] {
  const found: Obstacle[] = [];
  if (tier === 'c' && /read-only file system|\bEROFS\b/i.test(said)) {
    const but = protectedPaths.length === 0 ? '' : `, but for ${count(protectedPaths.length, 'protected file')}`;
    found.push({
      what: `it met a read-only file system: writable are ${workspace}${but}, and /tmp`,
      hint: '--workspace DIR works in another folder',
    });
  }
  if (network.kind === 'isolated' && NO_NETWORK.test(said)) {
    found.push({
      what: 'it found no network: egress is strict, and no host is allowed',
      hint: '--allow-host HOST, if it is among allowed_egress_hosts',
    });
  }
  return found;
}

const NO_NETWORK =
  /could not resolve|name resolution|name or service not known|network is unreachable|\b(ENETUNREACH|EAI_AGAIN|ENOTFOUND)\b/i;
