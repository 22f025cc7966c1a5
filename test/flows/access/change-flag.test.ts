import { expect, test } from 'vitest';
import { changeFlag } from '../../../src/flows/access/change-flag.ts';
import { openTestDesk, type TestDesk } from '../gate-desk.ts';

const COMPAT_ON = { key: 'compat_api', enabled: true, withOthers: false };
const COMPAT_OFF = { ...COMPAT_ON, enabled: false, withOthers: true };
const EMBEDDINGS_ON = { key: 'compat_embeddings_api', enabled: true, withOthers: false };
const yes = async (): Promise<boolean> => true;

async function isOn({ store }: TestDesk, key: string): Promise<boolean | undefined> {
  const { registry } = await store.read('registry');
  return registry.feature_flags.find((flag) => flag.key === key)?.enabled;
}

test('what a person agreed to is what changes: if it would touch something else by then, nothing does', async () => {
  const desk = await openTestDesk();
  await changeFlag(desk, COMPAT_ON, yes);
  const shown: (readonly string[])[] = [];
  const agreed = async ({ impact }: { readonly impact: { readonly flags: readonly string[] } }): Promise<boolean> => {
    shown.push(impact.flags);
    // somebody else turns on what needs it, while the person reads
    await changeFlag(desk, EMBEDDINGS_ON, yes);
    return true;
  };
  await expect(changeFlag(desk, COMPAT_OFF, agreed)).rejects.toMatchObject({ code: 'store.conflict' });
  expect(shown).toEqual([['compat_api']]);
  expect(await isOn(desk, 'compat_api')).toBe(true);
  expect(await isOn(desk, 'compat_embeddings_api')).toBe(true);
});

test('what somebody else has done meanwhile is a conflict too, not a success', async () => {
  const desk = await openTestDesk();
  const agreed = async (): Promise<boolean> => (await changeFlag(desk, COMPAT_ON, yes)).changed;
  await expect(changeFlag(desk, COMPAT_ON, agreed)).rejects.toMatchObject({ code: 'store.conflict' });
});

test('a no changes nothing, and nobody is asked about what is so already', async () => {
  const desk = await openTestDesk();
  await expect(changeFlag(desk, COMPAT_ON, async () => false)).rejects.toMatchObject({ code: 'approval.declined' });
  expect(await isOn(desk, 'compat_api')).toBe(false);
  const asked = async (): Promise<boolean> => {
    throw new Error('asked');
  };
  expect(await changeFlag(desk, COMPAT_OFF, asked)).toMatchObject({ changed: false, wouldChange: false });
});
