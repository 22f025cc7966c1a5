import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { lowdbStore, type StoreNotice } from '../../src/adapters/state/lowdb-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type SampleState, sampleShapes } from '../store/samples.ts';

/** A place for a state root that is not there yet; gone after the test. */
export function freshRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'state');
}

export function openStore(root: string, notices: StoreNotice[] = []): Store<SampleState> {
  return lowdbStore({ root, shapes: sampleShapes, notice: (notice) => notices.push(notice) });
}
