import type { Cedar, CedarCall } from './engine.ts';
import { openProbes } from './probes.ts';
import type { NamedPolicy } from './source.ts';

/** Whether something has been seen to hold, and seen not to. */
export interface Seen {
  readonly isTrue: boolean;
  readonly isFalse: boolean;
}

/** What the requests have shown of a policy. */
export interface PolicyCoverage {
  readonly policy: NamedPolicy;
  /** the whole policy: whether it took part in a decision */
  readonly applied: Seen;
  /** its conditions, looked at where the head matches */
  readonly clauses: readonly (Seen & { readonly text: string })[];
}

/** Watches which policies, and which of their conditions, hold and fail over many requests. */
export interface Coverage {
  readonly look: (call: CedarCall) => void;
  readonly found: () => PolicyCoverage[];
}

/** Each truth value is Cedar's, as in an explanation. */
export function openCoverage(cedar: Cedar, policies: readonly NamedPolicy[]): Coverage {
  const { probed, read } = openProbes(cedar, SLOT, policies);
  const applied = probed.map(() => new Set<boolean>());
  const clauses = probed.map((one) => one.clauses.map(() => new Set<boolean>()));
  return {
    look(call) {
      for (const [i, reading] of read(call).entries()) {
        if (reading === undefined) continue;
        applied[i]?.add(reading.holds);
        if (!reading.headHolds) continue;
        for (const [j, { holds, error }] of reading.clauses.entries()) {
          if (holds !== null && error === undefined) clauses[i]?.[j]?.add(holds);
        }
      }
    },
    found: () =>
      probed.map(({ policy, clauses: own }, i) => ({
        policy,
        applied: seen(applied[i]),
        clauses: own.map(({ text }, j) => ({ text, ...seen(clauses[i]?.[j]) })),
      })),
  };
}

/** The share of what can be seen that has been seen, in percent, rounded down; 0 of nothing. */
export function percentCovered(coverage: readonly PolicyCoverage[]): number {
  const all = coverage.flatMap(({ applied, clauses }) => [applied, ...clauses]);
  const outcomes = all.flatMap(({ isTrue, isFalse }) => [isTrue, isFalse]);
  return outcomes.length === 0 ? 0 : Math.floor((100 * outcomes.filter(Boolean).length) / outcomes.length);
}

const SLOT = 'coverage';

function seen(values: ReadonlySet<boolean> | undefined): Seen {
  return { isTrue: values?.has(true) === true, isFalse: values?.has(false) === true };
}
