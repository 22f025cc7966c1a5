import { type Registry, registryShape } from '../access/registry.ts';
import type { Shapes } from './store.ts';

/** The documents of palyra's state. */
export interface State {
  readonly registry: Registry;
}

export const stateShapes: Shapes<State> = { registry: registryShape };
