import type { Command } from 'commander';
import { readToolName } from '../../../posture/change.ts';
import { narrowerOf } from '../../../posture/posture.ts';
import { printable, shellWord } from '../../../text.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { readScope, sayChanges } from './scope.ts';

export function clear(cli: Cli): Command {
  const verb = command('clear')
    .summary('take back what was set')
    .description('Take back what was set for a tool in one scope.')
    .argument('<tool>', 'the tool')
    .option('--session <session>', 'what was set for this session')
    .option('--agent <principal>', 'what was set for this principal')
    .option('--workspace <id>', 'what was set for this workspace')
    .action(
      ending(cli, async (tool: string, options) => {
        const { changePosture } = await import('../../../flows/change-posture.ts');
        const wish = { tool: readToolName(tool), scope: readScope(cli, options), state: undefined };
        const { answer, entry } = await changePosture(await openDesk(cli), [wish]);
        sayChanges(cli, 'palyra.posture.clear/1', answer, entry);
        if (wish.scope.kind === 'global') await noteNarrower(cli, wish.tool);
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [
      {
        says: 'set it, and take it back',
        command: 'palyra posture set palyra.echo disabled && palyra posture clear palyra.echo',
      },
    ],
    exits: ['ok', 'usage', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}

/** What was set for one session, agent or workspace stands when what was set for all is taken back. */
async function noteNarrower({ output, store, world }: Cli, tool: string): Promise<void> {
  const { posture } = await (await store()).read('posture');
  for (const one of narrowerOf(posture.overrides, tool, world.clock())) {
    const { scope_kind: kind, scope_id: id, state } = one;
    output.note(`${kind} ${printable(id)} is ${state} still`);
    output.note(`palyra posture clear ${printable(tool)} --${kind} ${printable(shellWord(id))}`);
  }
}
