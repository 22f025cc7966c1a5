import { PalyraError } from '../errors.ts';
import type { EgressMode } from './egress.ts';
import { type HostRules, hostTexts, matchDestination, parseHostRules } from './hosts.ts';
import { type Limits, narrowLimits } from './limits.ts';
import type { Tier } from './tier.ts';

/** How commands may be run, as the configuration says it. */
export interface RunRules {
  readonly tier: Tier;
  readonly egress: EgressMode;
  readonly hosts: HostRules;
  readonly limits: Limits;
}

/** What one run wants of it; what is left out is as configured. */
export interface RunWish {
  readonly tier?: Tier | undefined;
  readonly egress?: EgressMode | undefined;
  readonly hosts: readonly string[];
  readonly limits: Partial<Limits>;
}

/** The rules of one run. `asks`: the hosts beyond the configuration, which a person has to allow. */
export interface NarrowedRules extends RunRules {
  readonly asks: string | undefined;
}

/**
 * Options take away from the configuration, never add to it. Hosts alone may be added, by an operator on a terminal: they
 * are then a part of what is asked for.
 * @throws PalyraError sandbox.refused with its reason_code, usage.invalid
 */
export function narrowRules(rules: RunRules, wish: RunWish, onTerminal: boolean): NarrowedRules {
  const { tier = rules.tier, egress = rules.egress } = wish;
  if (TIERS.indexOf(tier) < TIERS.indexOf(rules.tier)) {
    throw wider('exec.tier_wider', `tier ${tier} contains less than the configured tier ${rules.tier}`, 'tier');
  }
  if (EGRESS.indexOf(egress) < EGRESS.indexOf(rules.egress)) {
    const message = `egress ${egress} lets out more than the configured ${rules.egress}`;
    throw wider('exec.egress_wider', message, 'egress_enforcement_mode');
  }
  const limits = narrowLimits(rules.limits, wish.limits);
  if (wish.hosts.length === 0) return { tier, egress, hosts: rules.hosts, limits, asks: undefined };
  const hosts = parseHostRules(wish.hosts, []);
  const beyond = hosts.hosts.filter((at) => !PORTS(at.port).every((port) => isListed(rules.hosts, at, port)));
  if (beyond.length === 0) return { tier, egress, hosts, limits, asks: undefined };
  const names = hostTexts({ hosts: beyond, suffixes: [] }).join(', ');
  if (!onTerminal) {
    throw new PalyraError('sandbox.refused', `${names} is not among the allowed hosts`, {
      why: 'here is no terminal, on which an operator would be asked',
      hint: 'run it on a terminal, or let an operator add it to allowed_egress_hosts in [tool_call.process_runner]',
      details: { reason_code: 'exec.host_not_listed' },
    });
  }
  return { tier, egress, hosts, limits, asks: `beyond the configured hosts: ${names}` };
}

/**
 * The folder of one run: at or below the one that is configured.
 * @param root absolute; undefined where the configuration leaves it to the caller
 * @throws PalyraError sandbox.refused
 */
export function narrowWorkspace(root: string | undefined, wanted: string): string {
  if (root === undefined || wanted === root || wanted.startsWith(`${root.replace(/\/$/, '')}/`)) return wanted;
  throw wider('exec.workspace_wider', `${wanted} is outside of ${root}`, 'workspace_root');
}

// from the loosest to the strictest
const TIERS: readonly Tier[] = ['b', 'c'];
const EGRESS: readonly EgressMode[] = ['none', 'preflight', 'strict'];

/** A host without a port is both of the web's. */
const PORTS = (port: number | null): readonly number[] => (port === null ? [80, 443] : [port]);

function isListed(rules: HostRules, at: Parameters<typeof matchDestination>[1], port: number): boolean {
  return matchDestination(rules, at, port).kind === 'allowed';
}

function wider(code: string, message: string, key: string): PalyraError {
  return new PalyraError('sandbox.refused', message, {
    why: 'options only narrow what palyra.toml says',
    hint: `an operator can change ${key} in [tool_call.process_runner]`,
    details: { reason_code: code },
  });
}
