import { expect, test } from 'vitest';
import { newPlace } from '../palyra.ts';

const TAKERS = [
  'policy check --action tool.list --resource tool:any --principal',
  'journal log --principal',
  'approvals list --principal',
  'approvals request --tool palyra.echo --input - --principal',
  'tokens mint --label ci --principal',
  'posture list --agent',
  'posture show palyra.echo --agent',
  'posture set palyra.echo disabled --agent',
  'posture clear palyra.echo --agent',
  'posture preset conservative_coding --yes --agent',
];

test.each(TAKERS)('a name without a kind is taken as it is, with a note: %s', async (taker) => {
  const { palyra } = newPlace();
  await palyra(['flags', 'enable', 'api_tokens', '--with-deps']);
  const named = async (name: string) => {
    const { code, stderr } = await palyra([...taker.split(' '), name]);
    return { code, isNoted: stderr.includes(`palyra: note:  ${name} has no kind, such as user:bob;`) };
  };
  const code = taker.startsWith('approvals request') ? 10 : 0;
  expect(await named('bob')).toEqual({ code, isNoted: true });
  expect(await named('user:bob')).toEqual({ code, isNoted: false });
});
