import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import { PRESETS, type PresetName, presetWishes } from '../../../posture/preset.ts';
import { readChoice } from '../../choice.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { canAsk, confirm } from '../../prompt.ts';
import { changeWords, readScope, type ScopeOptions, sayChanges } from './scope.ts';

const NAMES = Object.keys(PRESETS) as PresetName[];

export function preset(cli: Cli): Command {
  const verb = command('preset')
    .summary('set the postures of a kind of work')
    .description('Show what a preset would change, and set it once you say yes.')
    .argument('[name]', NAMES.join(', '))
    .option('--session <session>', 'only for this session')
    .option('--agent <principal>', 'only for this principal')
    .option('--workspace <id>', 'only for members of this workspace')
    .action(
      ending(cli, async (name: string | undefined, options) => {
        if (name === undefined) return sayPresets(cli);
        return await applyPreset(cli, readChoice('preset', name, NAMES), options);
      }),
    );
  const about = NAMES.map((name) => `  ${name.padEnd(22)} ${PRESETS[name].about}`).join('\n');
  return worded(verb, {
    about: `Presets:\n${about}\n\nWithout a terminal, --yes says yes. Tools that a preset does not name stay as they are.`,
    examples: [
      { says: 'what there is', command: 'palyra posture preset' },
      { says: 'what one would change', command: 'palyra posture preset conservative_coding --dry-run' },
      { says: 'set it', command: 'palyra posture preset conservative_coding --yes' },
    ],
    exits: ['ok', 'usage', 'forbidden', 'busy', 'declined', 'deny', 'unsafe_state'],
  });
}

function sayPresets({ output }: Cli): ExitName {
  if (output.json) {
    const items = NAMES.map((name) => ({ name, ...PRESETS[name] }));
    output.value({ schema: 'palyra.posture.preset.list/1', items, count: items.length });
  } else for (const name of NAMES) output.answer(`${name.padEnd(22)} ${PRESETS[name].about}`);
  return 'ok';
}

async function applyPreset(cli: Cli, name: PresetName, options: ScopeOptions): Promise<ExitName> {
  const { changePosture } = await import('../../../flows/change-posture.ts');
  const desk = await openDesk(cli);
  const wishes = presetWishes(name, readScope(cli, options));
  const schema = 'palyra.posture.preset/1';
  const plan = await changePosture({ ...desk, dryRun: true }, wishes);
  if (cli.options.dryRun || plan.answer.length === 0) {
    sayChanges(cli, schema, plan.answer, null);
    return 'ok';
  }
  if (!cli.options.yes) {
    for (const change of plan.answer) cli.output.note(changeWords(change, cli.world.clock()));
    if (!canAsk(cli)) {
      throw new PalyraError('usage.terminal_needed', 'somebody must say yes, and there is no terminal', {
        hint: 'add --yes, or --dry-run to see what would change',
      });
    }
    if (!(await confirm(cli, 'Set them?'))) return 'declined';
  }
  const { answer, entry } = await changePosture(desk, wishes);
  sayChanges(cli, schema, answer, entry);
  return 'ok';
}
