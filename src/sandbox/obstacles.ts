import { count } from '../text.ts';
import { exactly } from '../time.ts';
import { complaintsOf } from './complaints.ts';
import type { Aftermath, Execution, Limit, ProtectedChange, RepositoryChange } from './execution.ts';
import { type Destination, type DestinationReason, destinationText, howToAllow } from './hosts.ts';
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
export function obstaclesOf(execution: Execution, plan: Plan, said: string): Obstacle[] {
  const { ending, destinations } = execution;
  const refused = destinations.filter(({ verdict }) => verdict === 'refused');
  const stopped: Obstacle[] =
    ending.outcome === 'timed_out'
      ? [
          {
            what: `stopped after ${exactly(plan.limits.timeoutMs)}`,
            hint: 'timeout_ms in palyra.toml; --timeout only shortens it',
          },
        ]
      : ending.outcome === 'limit'
        ? [{ what: STOPPED[ending.limit], hint: LIMITED_BY[ending.limit] }]
        : [];
  return [
    ...stopped,
    ...refusedDestinations(refused),
    ...aftermathObstacles(execution),
    ...(ending.exitCode === 0 ? [] : complaintsOf(plan, said, refused.length > 0)),
  ];
}

/** What a command made of what programs obey, and what to do about it. */
export function aftermathObstacles({ protectedFiles, repositories }: Aftermath): Obstacle[] {
  return [...protectedFiles.map(protectedObstacle), ...repositories.map(repositoryObstacle)];
}

/** What `isSearched: false` means, in one line. */
export const NOT_SEARCHED =
  'not all folders were searched for git repositories: the workspace has too many, or some that cannot be read';

function protectedObstacle({ path, change, movedTo, problem }: ProtectedChange): Obstacle {
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
  memory: 'memory_limit_bytes in palyra.toml; --memory only lowers it',
  output: 'max_output_bytes in palyra.toml; --max-output only lowers it',
  cpu: 'cpu_time_limit_ms in palyra.toml',
  file_size: 'max_file_size_bytes in palyra.toml',
  processes: 'max_processes in palyra.toml',
};

/** Some of them: a command that tries a thousand hosts must not flood whoever reads what it was kept from. */
function refusedDestinations(refused: readonly Destination[]): Obstacle[] {
  const rest = refused.length - SHOWN;
  const more = { what: `refused: ${count(rest, 'more destination')}`, hint: '--report FILE names them all' };
  return [...refused.slice(0, SHOWN).map(refusedDestination), ...(rest > 0 ? [more] : [])];
}

const SHOWN = 10;

function refusedDestination(destination: Destination): Obstacle {
  const { host, port, reason } = destination;
  const at = host === '' ? 'a connection that names no host' : destinationText(destination, port);
  return { what: `refused: ${at} (${reason})`, hint: WHAT_ALLOWS[reason] ?? howToAllow(at) };
}

/** Where another host on the list would not help. */
const WHAT_ALLOWS: Readonly<Partial<Record<DestinationReason, string>>> = {
  address_not_public: 'no option allows it: its name leads to an address that is not public',
  host_mismatch: 'a request has to name the host that its connection asked for',
  sni_missing: 'the host is allowed, and TLS has to name it (SNI): plain HTTP and other protocols have other ports',
  sni_mismatch: 'the host is allowed, and TLS has to name it and no other (SNI)',
  request_malformed: 'it has to be a request for a host, in HTTP or TLS',
  too_many_connections: 'it has to open fewer connections at a time',
};
