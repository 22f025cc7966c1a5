import type { Command } from 'commander';
import type { FlagImpact, TokenImpact } from '../../../access/flag-change.ts';
import { shortId } from '../../../ids.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { canAsk, confirm } from '../../prompt.ts';
import { withTimes } from '../../times.ts';

export function enable(cli: Cli): Command {
  const verb = command('enable')
    .summary('turn a feature on')
    .description('Turn a feature on. What that touches is shown before.')
    .argument('<flag>', 'e.g. api_tokens')
    .option('--with-deps', 'turn on what it needs too')
    .action(ending(cli, async (key, { withDeps }) => await turn(cli, key, true, withDeps === true)));
  return worded(verb, {
    about: `${ASKING}

rbac needs an owner of the first workspace: without one nobody could turn it off.`,
    examples: [
      { says: 'what it would touch', command: 'palyra flags enable api_tokens --with-deps --dry-run' },
      { says: 'tokens, and the API that they are for', command: 'palyra flags enable api_tokens --with-deps' },
    ],
    exits: [...TURN_EXITS],
  });
}

export function disable(cli: Cli): Command {
  const verb = command('disable')
    .summary('turn a feature off')
    .description('Turn a feature off. What that touches is shown before.')
    .argument('<flag>', 'e.g. api_tokens')
    .option('--cascade', 'turn off what needs it too')
    .action(ending(cli, async (key, { cascade }) => await turn(cli, key, false, cascade === true)));
  return worded(verb, {
    about: ASKING,
    examples: [
      { says: 'turn something on', command: 'palyra flags enable api_tokens --with-deps' },
      {
        says: 'every token stops working; none is lost',
        command: "palyra flags disable compat_api --cascade --reason 'incident 41'",
      },
    ],
    exits: [...TURN_EXITS],
  });
}

const ASKING = `On a terminal palyra asks before a change that touches more than the flag itself; --yes skips the question. Without a
terminal it goes on: other flags change only with --with-deps or --cascade, which is the consent.`;

const TURN_EXITS = [
  'ok',
  'usage',
  'conflict',
  'forbidden',
  'busy',
  'declined',
  'deny',
  'interrupted',
  'unsafe_state',
] as const;

async function turn(cli: Cli, key: string, enabled: boolean, withOthers: boolean): Promise<ExitName> {
  const { changeFlag } = await import('../../../flows/access/change-flag.ts');
  const { answer, changed } = await changeFlag(
    await openDesk(cli),
    { key, enabled, withOthers },
    async ({ impact }) => {
      if (!cli.output.json) for (const line of impactInWords(impact, enabled)) cli.output.note(line);
      const isMore = impact.flags.length > 1 || impact.tokens.length > 0 || impact.commandsClose.length > 0;
      if (!isMore || cli.options.yes || cli.options.dryRun || !canAsk(cli)) return true;
      return await confirm(cli, `Turn ${impact.flags.join(', ')} ${enabled ? 'on' : 'off'}?`);
    },
  );
  const { flag, impact } = answer;
  if (cli.output.json) {
    cli.output.value({
      schema: `palyra.flags.${enabled ? 'enable' : 'disable'}/1`,
      flag: withTimes(flag),
      impact: impactRecord(impact),
      changed,
    });
    return 'ok';
  }
  const state = enabled ? 'on' : 'off';
  const keys = impact.flags.map((each) => printable(each)).join(', ');
  if (impact.flags.length === 0) cli.output.note(`${printable(flag.key)} is ${state} already`);
  else cli.output.note(changed ? `turned ${state}: ${keys}` : `would turn ${state}: ${keys}`);
  return 'ok';
}

function impactRecord({ flags, commandsOpen, commandsClose, tokens }: FlagImpact) {
  return {
    flags,
    commands_open: commandsOpen,
    commands_close: commandsClose,
    tokens: tokens.map(({ tokenId, label, effect, gains, loses }) => ({
      token_id: tokenId,
      label,
      effect,
      gains,
      loses,
    })),
  };
}

const SHOWN = 5;

function impactInWords({ flags, commandsOpen, commandsClose, tokens }: FlagImpact, enabled: boolean): string[] {
  const others = flags.slice(0, -1).map((key) => printable(key));
  return [
    ...(others.length === 0 ? [] : [`  ${enabled ? 'needs' : 'needed by'}  ${others.join(', ')}`]),
    ...(commandsOpen.length === 0 ? [] : [`  opens  ${commandsOpen.join(', ')}`]),
    ...(commandsClose.length === 0 ? [] : [`  closes  ${commandsClose.join(', ')}`]),
    ...(flags.includes('rbac') ? [`  roles ${enabled ? 'now bind' : 'no longer bind'} everybody`] : []),
    ...tokens.slice(0, SHOWN).map(tokenInWords),
    ...(tokens.length > SHOWN ? [`  and ${count(tokens.length - SHOWN, 'more token')}`] : []),
  ];
}

function tokenInWords({ tokenId, label, effect, gains, loses }: TokenImpact): string {
  const token = `  token ${shortId(tokenId)} ${printable(label)}`;
  if (effect === 'stops') return `${token} stops working`;
  if (effect === 'starts') return `${token} starts working`;
  return loses.length > 0 ? `${token} loses ${loses.join(' ')}` : `${token} gains ${gains.join(' ')}`;
}
