import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCedar } from '../../src/adapters/cedar/cedar.ts';
import { files } from '../../src/adapters/files.ts';
import { lowdbStore } from '../../src/adapters/lowdb-store.ts';
import { effectiveSettings } from '../../src/config/effective.ts';
import { readPalyraToml } from '../../src/config/palyra-toml.ts';
import { openGate } from '../../src/flows/open-gate.ts';
import { openPolicies } from '../../src/flows/policy/open-policies.ts';
import type { GateDesk } from '../../src/flows/request-approval.ts';
import { memoryStore } from '../../src/store/memory-store.ts';
import { type State, stateShapes } from '../../src/store/state.ts';
import type { Store } from '../../src/store/store.ts';
import { NOW } from '../approvals/samples.ts';
import { PACKAGE } from '../palyra.ts';

export interface DeskSettings {
  readonly toml?: string;
  /** an operator's own policies */
  readonly policies?: string;
  readonly store?: Store<State>;
  readonly login?: string;
}

/** A desk whose clock the test moves. */
export interface TestDesk extends GateDesk {
  time: number;
}

/** Everything real: Cedar, the baseline, the gate; the state in memory unless a store is given. */
export async function openTestDesk(settings: DeskSettings = {}): Promise<TestDesk> {
  const { toml = TOML, policies, store = memoryStore(stateShapes), login = 'ops' } = settings;
  const cedar = await openCedar();
  const read = {
    ...files,
    ...(policies === undefined ? {} : { readText: textOr(policies), listFiles: () => ['own.cedar'] }),
  };
  const inForce = openPolicies(
    { files: read, cedar },
    {
      baseline: { path: join(PACKAGE, 'policies/baseline.cedar'), shown: 'baseline.cedar' },
      given: policies === undefined ? [] : ['own.cedar'],
      configured: [],
    },
  );
  const given = readPalyraToml(toml, 'palyra.toml');
  const effective = effectiveSettings({ path: '/palyra.toml', given }, undefined);
  const config = { ...effective, userPath: '/palyra.toml', projectPath: undefined, policyPaths: [] };
  let drawn = 0;
  const desk: TestDesk = {
    time: NOW,
    store,
    clock: () => desk.time,
    random: (bytes) => Uint8Array.from({ length: bytes }, (_, i) => (i === bytes - 1 ? drawn++ : 0)),
    by: { login, uid: 1000, pid: 7, host: 'here' },
    dryRun: false,
    gate: openGate({ inForce, config }),
  };
  return desk;
}

/** The state of a root, as the program keeps it. */
export function openState(root: string): Store<State> {
  return lowdbStore({ root, shapes: stateShapes, notice: () => undefined });
}

export const TOML = `
[tool_call]
allowed_tools = ["palyra.echo", "palyra.http.fetch", "palyra.process.run", "palyra.plugin.run"]
[tool_call.process_runner]
enabled = true
[skills]
"acme.report" = "active"
"acme.odd" = "quarantined"
`;

function textOr(policies: string) {
  return (path: string) => (path === 'own.cedar' ? policies : readFileSync(path, 'utf8'));
}
