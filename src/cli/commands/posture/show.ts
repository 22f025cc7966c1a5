import type { Command } from 'commander';
import { readToolName } from '../../../posture/change.ts';
import { isInForce } from '../../../posture/posture.ts';
import { printable } from '../../../text.ts';
import { relative, rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { noteKindless } from '../../principal.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('how one tool is treated, and why')
    .description('Show how a tool is treated, what decides it, and everything that was set for it.')
    .argument('<tool>', 'the tool')
    .option('--session <session>', 'in this session')
    .option('--agent <principal>', 'for this principal')
    .action(
      ending(cli, async (given: string, { session, agent }) => {
        const { output, world } = cli;
        noteKindless(cli, agent);
        const tool = readToolName(given);
        const now = world.clock();
        const { readPostures } = await import('../../../flows/read-postures.ts');
        const { settings } = await cli.config();
        const caller = { principal: agent ?? '', sessionId: session ?? '' };
        const inForce = await readPostures({ store: await cli.store(), clock: world.clock }, settings, caller);
        const posture = inForce.postureOf(tool);
        const overrides = inForce.overrides.filter(({ tool_name }) => tool_name === tool);
        if (output.json) {
          output.value({ schema: 'palyra.posture.show/1', ...posture, overrides });
          return 'ok';
        }
        output.answer(`${printable(tool)}   ${posture.state}   ${printable(posture.why)} (${posture.source})`);
        for (const one of overrides) {
          const where = one.scope_kind === 'global' ? 'global' : `${one.scope_kind} ${printable(one.scope_id)}`;
          const ends =
            typeof one.expires_at_unix_ms === 'number' ? `, ends ${relative(one.expires_at_unix_ms, now)}` : '';
          const by = `set ${rfc3339(one.updated_at_unix_ms)} by ${printable(one.actor_principal)}`;
          output.answer(`  ${where}   ${one.state}   ${by}${isInForce(one, now) ? ends : ', expired'}`);
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'a tool that nobody has allowed', command: 'palyra posture show palyra.http.fetch' }],
    exits: ['ok', 'usage', 'not_found', 'unsafe_state'],
  });
}
