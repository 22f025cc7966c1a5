import type { Approval } from '../approvals/approval.ts';
import { PalyraError } from '../errors.ts';
import { shortId } from '../ids.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';

/**
 * The input that an approval is about, as it was asked with. Without it nobody can see what they would allow.
 * @throws PalyraError store.unsafe: it is gone, or not what it was
 */
export async function readPayload(
  { store }: { readonly store: Pick<Store<State>, 'payload'> },
  { approval_id: id, payload_sha256: digest }: Approval,
): Promise<Uint8Array> {
  try {
    return await store.payload(digest);
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    const wrong = error.code === 'store.not_found' ? 'missing' : 'not what was asked with';
    throw new PalyraError('store.unsafe', `the input of ${shortId(id)} is ${wrong}`, {
      why: error.message,
      hint: 'palyra doctor',
      cause: error,
    });
  }
}
