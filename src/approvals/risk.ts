import { findTool } from '../policy/catalog.ts';
import type { ExecutionContext } from './proposal.ts';

export const RISKS = ['low', 'medium', 'high', 'critical'] as const;
export type Risk = (typeof RISKS)[number];

/** How much harm a call could do, as far as its tool and its command line tell. What is unknown is high. */
export function riskOf(tool: string, execution: ExecutionContext | undefined): Risk {
  if (tool === 'palyra.process.run') return execution !== undefined && isHarmless(execution) ? 'medium' : 'high';
  const known = findTool(tool);
  if (known === undefined) return 'high';
  const rated = RISKS.find((risk) => risk === known.risk_level);
  return rated ?? (known.requires_approval ? 'high' : 'low');
}

/** Contained, its egress too, and a command line that only reads. */
function isHarmless({ tier, egress, hosts, argv, executable }: ExecutionContext): boolean {
  // a repository's configuration may name programs, which could send something to a host that is allowed
  const mayReach = hosts.length > 0 && nameOf(argv) === 'git';
  return tier === 'c' && egress === 'strict' && !mayReach && isSystems(executable) && onlyReads(argv);
}

/** A program of the same name in the workspace may do anything. */
function isSystems(executable: string): boolean {
  return /^\/(usr\/)?bin\/[^/]+$/.test(executable);
}

/** Known programs in ways that are known to only read; whatever is not known may write. */
function onlyReads(argv: readonly string[]): boolean {
  const [, ...args] = argv;
  const name = nameOf(argv);
  if (name === 'git') return READING_GIT.has(args[0] ?? '') && !args.some((arg) => GIT_WRITES.test(arg));
  if (name === 'find') return !args.some((arg) => FIND_WRITES.test(arg));
  return READING.has(name);
}

function nameOf([program = '']: readonly string[]): string {
  return program.slice(program.lastIndexOf('/') + 1);
}

const READING: ReadonlySet<string> = new Set(
  'basename cat cmp comm cut df diff dirname du echo false file fgrep egrep grep head id ls md5sum nl od pwd readlink realpath sha1sum sha256sum sha512sum stat tail test tr true uname wc which whoami'.split(
    ' ',
  ),
);
const READING_GIT: ReadonlySet<string> = new Set(
  'blame describe diff log ls-files ls-tree rev-parse show status'.split(' '),
);
/** writing to a file, and the programs that attributes and configuration name */
const GIT_WRITES = /^(-o|--output|--ext-diff|--textconv|--open-files)/;
const FIND_WRITES = /^-(delete|exec|execdir|ok|okdir|fprint|fprint0|fprintf|fls)$/;
