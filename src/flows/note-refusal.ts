import type { PalyraError } from '../errors.ts';
import { act, type Desk } from './act.ts';

/**
 * Write down that a command was refused before there was a call to take through the gate.
 * @throws PalyraError access.token_refused, access.forbidden, store.*
 */
export async function noteRefusal(desk: Desk, error: PalyraError): Promise<void> {
  const payload = { reason_codes: [error.details?.reason_code ?? error.code] };
  await act(desk, [], (_, { acting, now }) => ({
    answer: null,
    entries: [{ timeUnixMs: now, actor: acting.actor, kind: 'exec.refuse', payload }],
  }));
}
