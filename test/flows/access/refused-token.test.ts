import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { formSecret } from '../../../src/access/secret.ts';
import { changeFlag } from '../../../src/flows/access/change-flag.ts';
import { changePosture } from '../../../src/flows/change-posture.ts';
import { requestApproval } from '../../../src/flows/request-approval.ts';
import { GLOBAL } from '../../../src/posture/change.ts';
import { proposeCall } from '../../approvals/samples.ts';
import { openTestDesk, type TestDesk } from '../gate-desk.ts';

const WORKS: readonly (readonly [string, (desk: TestDesk) => Promise<unknown>])[] = [
  ['a flag', (desk) => changeFlag(desk, { key: 'rbac', enabled: true, withOthers: true }, async () => true)],
  ['a posture', (desk) => changePosture(desk, [{ tool: 'palyra.echo', scope: GLOBAL, state: 'always_allow' }])],
  ['a call', (desk) => requestApproval(desk, proposeCall('palyra.echo'), 1000)],
];

test.each(WORKS.flatMap(([what, work]) => [true, false].map((dryRun) => ({ what, work, dryRun }))))(
  'a token that is none does nothing to $what and leaves its refusal in the journal; dry run: $dryRun',
  async ({ work, dryRun }) => {
    const desk = await openTestDesk();
    const by = { ...desk.by, secret: formSecret('palyra_', randomBytes(32)) };
    const before = await desk.store.read('registry', 'posture', 'approvals');
    await expect(work({ ...desk, by, dryRun, clock: () => desk.time })).rejects.toMatchObject({
      code: 'access.token_refused',
      message: 'the token is not valid',
    });
    expect(await desk.store.read('registry', 'posture', 'approvals')).toEqual(before);
    const entries: unknown[] = [];
    for await (const { text } of desk.store.journal.lines()) entries.push(JSON.parse(JSON.parse(text).body));
    expect(entries).toMatchObject([
      { kind: 'token.refuse', actor: { principal: 'user:ops' }, payload: { reason: 'feature_off' } },
    ]);
  },
);

test('a token variable that was never filled is refused, and does not act as the login', async () => {
  const desk = await openTestDesk();
  for (const [, work] of WORKS) {
    await expect(work({ ...desk, by: { ...desk.by, secret: '' } })).rejects.toMatchObject({ code: 'usage.invalid' });
  }
});
