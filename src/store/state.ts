import { type Registry, registryShape } from '../access/registry.ts';
import { type ApprovalBook, approvalsShape } from '../approvals/book.ts';
import { type PostureRegistry, postureShape } from '../posture/registry.ts';
import type { Shapes } from './store.ts';

/** The documents of palyra's state. */
export interface State {
  readonly registry: Registry;
  readonly posture: PostureRegistry;
  readonly approvals: ApprovalBook;
}

export const stateShapes: Shapes<State> = {
  registry: registryShape,
  posture: postureShape,
  approvals: approvalsShape,
};
