import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import { readToolName } from '../../../posture/change.ts';
import { POSTURE_STATES } from '../../../posture/registry.ts';
import { parseMoment } from '../../../time.ts';
import { readChoice } from '../../choice.ts';
import { type Cli, ending, openDesk } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { readScope, sayChanges } from './scope.ts';

export function set(cli: Cli): Command {
  const verb = command('set')
    .summary('set how a tool is treated')
    .description('Set how a tool is treated: always_allow, ask_each_time or disabled.')
    .argument('<tool>', 'the tool, e.g. palyra.http.fetch')
    .argument('<state>', 'always_allow, ask_each_time or disabled')
    .option('--session <session>', 'only for this session')
    .option('--agent <principal>', 'only for this principal')
    .option('--workspace <id>', 'only for members of this workspace')
    .option('--expires <time>', 'until then: 8h, 30d, or an RFC 3339 time', 'never')
    .action(
      ending(cli, async (tool: string, state: string, options) => {
        const { changePosture } = await import('../../../flows/change-posture.ts');
        const now = cli.world.clock();
        const expiry = parseMoment(options.expires, now, '--expires');
        if (expiry !== null && expiry <= now) {
          throw new PalyraError('usage.invalid', '--expires is in the past', { hint: '--expires 8h' });
        }
        const wish = {
          tool: readToolName(tool),
          scope: readScope(cli, options),
          state: readChoice('state', state, POSTURE_STATES),
          ...(expiry === null ? {} : { expiresAtUnixMs: expiry }),
        };
        const { answer, entry } = await changePosture(await openDesk(cli), [wish]);
        sayChanges(cli, 'palyra.posture.set/1', answer, entry);
        return 'ok';
      }),
    );
  return worded(verb, {
    about: `Of several that apply the narrowest counts: session, agent, workspace, global, and then the default. A tool that is not
in tool_call.allowed_tools stays disabled whatever is set; so does palyra.process.run while the process runner is off.

always_allow never lifts a forbid that you wrote yourself, and lifts the baseline's own only for the tool that it names.`,
    examples: [
      { says: 'always ask for a harmless tool', command: 'palyra posture set palyra.echo ask_each_time' },
      {
        says: 'nothing is fetched by one agent for a day',
        command: 'palyra posture set palyra.http.fetch disabled --agent user:ci --expires 1d --reason "incident 41"',
      },
    ],
    exits: ['ok', 'usage', 'forbidden', 'busy', 'deny', 'unsafe_state'],
  });
}
