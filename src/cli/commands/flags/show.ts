import type { Command } from 'commander';
import { commandsOf, dependentsOf, findFlag } from '../../../access/flag-change.ts';
import { printable } from '../../../text.ts';
import { rfc3339 } from '../../../time.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { withTimes } from '../../times.ts';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('one feature: what it opens, needs, and is needed by')
    .description('One feature: what it opens, what it needs, and what needs it.')
    .argument('<flag>', 'e.g. api_tokens')
    .action(
      ending(cli, async (key) => {
        const { registry } = await (await cli.store()).read('registry');
        const flag = findFlag(registry, key);
        const needed_by = dependentsOf(registry, flag.key).map((each) => each.key);
        const opens = commandsOf(flag.key);
        if (cli.output.json) {
          cli.output.value({ schema: 'palyra.flags.show/1', flag: withTimes(flag), needed_by, opens });
          return 'ok';
        }
        const since = flag.updated_at_unix_ms === 0 ? '' : ` since ${rfc3339(flag.updated_at_unix_ms)}`;
        const by = since === '' ? '' : ` (${flag.updated_by_principal})`;
        const rows = [
          ['flag', flag.key],
          ['state', `${flag.enabled ? 'on' : 'off'}${since}${by}`],
          ['stage', flag.stage],
          ['about', flag.description],
          ['needs', flag.depends_on.join(' ')],
          ['needed by', needed_by.join(' ')],
          ['opens', opens.join(', ')],
        ] as const;
        for (const [name, value] of rows) {
          if (value !== '') cli.output.answer(`${name.padEnd(9)}  ${printable(value)}`);
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    examples: [{ says: 'what tokens need', command: 'palyra flags show api_tokens' }],
    exits: ['ok', 'usage', 'unsafe_state'],
  });
}
