import type { Command } from 'commander';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { sayList } from '../../table.ts';

export function check(cli: Cli): Command {
  const verb = command('check')
    .summary('what each tier can enforce on this machine, by trying')
    .description('Run a command that does nothing in each tier and egress mode, and say what held.')
    .action(
      ending(cli, async () => {
        const { output } = cli;
        const { machine, tried } = await cli.world.checkSandbox();
        if (output.json) {
          output.value({
            schema: 'palyra.sandbox.check/1',
            items: tried,
            count: tried.length,
            machine: machineJson(machine),
          });
        } else {
          await sayList(output, {
            schema: 'palyra.sandbox.check/1',
            items: tried,
            columns: [
              { heading: 'tier', cell: ({ tier }) => tier },
              { heading: 'egress', cell: ({ egress }) => egress },
              { heading: 'works', cell: ({ works }) => (works ? 'yes' : 'no') },
              {
                heading: 'layers',
                cell: ({ works, layers, why, hint }) => (works ? layers.join(' ') : [why, hint].join(': ')),
              },
            ],
            record: (one) => one,
            empty: 'nothing was tried',
          });
        }
        return tried.some(({ tier, works }) => tier === 'c' && works) ? 'ok' : 'check_failed';
      }),
    );
  return worded(verb, {
    about: `Exit 0: tier c works. 6: it does not; the last column says why, and what to install.`,
    examples: [{ says: 'what holds here', command: 'palyra sandbox check' }],
    exits: ['ok', 'check_failed'],
  });
}

type Check = Awaited<ReturnType<Cli['world']['checkSandbox']>>;

function machineJson({ platform, architecture, programs, seccomp, landlockAbi, cgroup }: Check['machine']) {
  return { platform, architecture, programs, seccomp, landlock_abi: landlockAbi, cgroup };
}
