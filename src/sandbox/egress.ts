import { PalyraError } from '../errors.ts';

/** What a command may reach: anything, what its arguments may name, or what the system enforces. */
export type EgressMode = 'none' | 'preflight' | 'strict';

/** @throws PalyraError usage.unknown */
export function parseEgress(text: string): EgressMode {
  if (text === 'none' || text === 'preflight' || text === 'strict') return text;
  throw new PalyraError('usage.unknown', `no egress mode ${text.slice(0, 40)}`, {
    why: 'none restricts nothing, preflight checks arguments, strict isolates the network',
    hint: 'give --egress none, --egress preflight or --egress strict',
  });
}
