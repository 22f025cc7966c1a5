import type { Finding } from '../finding.ts';

/** What can be found out about a state without changing it, and without trusting it. */
export interface StateInspector<D> {
  /** whether there is any state yet */
  isThere(): boolean;
  /** who may read it, what lies about, who holds the lock. Empty for a state that is not there yet. */
  inspectFiles(): Promise<readonly Finding[]>;
  /** the documents against journal and checkpoint; each that can be read comes with the findings */
  inspectDocuments(): Promise<Inspected<D>>;
  /** take from others what they may do to the files that are ours; the findings of inspectFiles() that are fixable */
  tighten(): void;
}

export interface Inspected<D> {
  readonly findings: readonly Finding[];
  readonly documents: Partial<D>;
}

/** What can be found out about this machine and the operator's own files. */
export interface MachineInspector {
  /** @param wantsSandbox whether the configuration lets commands run in tier c, so that its lack is wrong */
  inspectMachine(wantsSandbox: boolean): readonly Finding[];
  /** who may write a configuration file */
  inspectConfigFile(path: string): readonly Finding[];
}
