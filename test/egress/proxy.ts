// The proxy by itself, to be run in a network of the lab: tells its folder, then every destination, a line each.
import { startEgressProxy } from '../../src/adapters/sandbox/egress-proxy.ts';
import { parseHostRules } from '../../src/sandbox/hosts.ts';
import { planRelays } from '../../src/sandbox/relays.ts';

const { hosts, suffixes, parent, owner } = JSON.parse(process.argv[2] ?? '');
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
const rules = parseHostRules(hosts, suffixes);
const proxy = await startEgressProxy(rules, planRelays(rules).services, { parent, owner, report: say });
say({ directory: proxy.directory });
process.stdin.resume().on('end', () => proxy.close().then(() => process.exit()));
