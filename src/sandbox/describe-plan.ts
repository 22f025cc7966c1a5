import { printable } from '../text.ts';
import { exactly } from '../time.ts';
import { hostTexts } from './hosts.ts';
import type { Limits } from './limits.ts';
import type { Network, Plan } from './plan.ts';

/** A plan in words, for `--dry-run` and for who approves: one fact a line, `name` and what is so, safe for a terminal. */
export function describePlan(plan: Plan): readonly { readonly name: string; readonly value: string }[] {
  const { argv, workspace, cwd, environment, user, asRoot, protectedPaths, layers } = plan;
  const lines = {
    command: argv.map(quoted).join(' '),
    where: cwd === workspace ? quoted(workspace) : `${quoted(cwd)}, below ${quoted(workspace)}`,
    contained: `tier ${plan.tier} (${plan.executor}), egress ${plan.egress}`,
    network: networkWords(plan.network, plan),
    files: plan.tier === 'c' ? 'only the system, read-only, and the workspace' : filesOfTierB(plan),
    checked: checkWords(plan),
    protected:
      protectedPaths.length === 0 ? 'nothing there yet; new ones are put aside' : protectedPaths.map(quoted).join(' '),
    user:
      user === null
        ? asRoot
          ? 'root, as allowed'
          : 'you'
        : `uid ${user.uid}, gid ${user.gid}: the owner of the workspace`,
    environment: Object.keys(environment).sort().map(quoted).join(' '),
    limits: limitWords(plan.limits),
    input: plan.tty ? 'the terminal' : plan.stdin === 'pipe' ? 'passed on' : 'none',
    layers: layers.join(' '),
  };
  return Object.entries(lines).map(([name, value]) => ({ name, value }));
}

/** An argument as a person can tell it from its neighbours. */
function quoted(text: string): string {
  const shown = printable(text);
  return /^[\w./:=@%+,-]+$/.test(shown) ? shown : `'${shown}'`;
}

/** How far the check of the arguments goes (preflight). */
function checkWords({ tier, egress }: Plan): string {
  if (tier === 'b') return 'arguments and texts of scripts; advice, no boundary';
  const held = egress === 'preflight' ? 'what scripts say of files' : 'what scripts say';
  return `arguments; ${held} is left to the sandbox`;
}

function networkWords(network: Network, { egress, tier }: Plan): string {
  if (network.kind === 'isolated') return tier === 'b' ? 'no sockets' : 'none';
  if (network.kind === 'shared') {
    return egress === 'preflight' ? 'shared; arguments were checked, nothing is enforced while it runs' : 'shared';
  }
  return `only ${hostTexts(network.rules).join(', ')}`;
}

function filesOfTierB({ landlockAbi }: Plan): string {
  return landlockAbi > 0 ? 'reads the system, writes the workspace and temporary folders' : 'all that the user may';
}

function limitWords(limits: Limits): string {
  return [
    `time ${exactly(limits.timeoutMs)}`,
    `processor ${exactly(limits.cpuTimeLimitMs)} a process`,
    `memory ${size(limits.memoryLimitBytes)}`,
    `${limits.maxProcesses} processes`,
    `files of ${size(limits.maxFileSizeBytes)}, ${limits.maxOpenFiles} open`,
    `/tmp ${size(limits.tmpSizeBytes)}`,
    `output ${size(limits.maxOutputBytes)}`,
  ].join(', ');
}

/** A number of bytes for people: `64 MiB`. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
