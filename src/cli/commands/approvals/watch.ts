import type { Command } from 'commander';
import { shortId } from '../../../ids.ts';
import { asciiJson, nameWords, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { approvalJson, standing } from './words.ts';

export function watch(cli: Cli): Command {
  const verb = command('watch')
    .summary('show new requests as they arrive')
    .description('Show the approvals that wait, and then each new one as it arrives, until interrupted.')
    .action(
      ending(cli, async () => {
        const { world, output } = cli;
        const { followPending } = await import('../../../flows/follow-approvals.ts');
        const stop = new AbortController();
        // whoever read us is gone
        world.stdout.once('error', () => stop.abort());
        world.stdout.once('close', () => stop.abort());
        const asJson = output.json || !output.isTerminal;
        if (!asJson) output.note('waiting for requests; Ctrl-C ends it');
        const desk = { store: await cli.store(), clock: world.clock };
        for await (const approval of followPending(desk, stop.signal)) {
          const now = world.clock();
          if (asJson) {
            output.answer(asciiJson({ schema: 'palyra.approvals.watch/1', ...approvalJson(approval, now) }));
            continue;
          }
          const { approval_id: id, prompt, principal } = approval;
          const said = [
            shortId(id),
            printable(nameWords(prompt.title)),
            `risk ${prompt.risk_level.toUpperCase()}`,
            printable(nameWords(principal)),
          ];
          output.answer(`${said.join('   ')}   ${printable(standing(approval, now))}`);
        }
        return 'ok';
      }),
    );
  return worded(verb, {
    about:
      'In a pipe, and with --json, each request is one line of JSON. Waiting costs nothing: the system tells of changes.',
    examples: [{ says: 'for two seconds', command: 'timeout 2 palyra approvals watch || true' }],
    exits: ['ok', 'usage', 'unsafe_state', 'interrupted'],
  });
}
