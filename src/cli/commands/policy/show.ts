import { type Command, Option } from 'commander';
import { PalyraError } from '../../../errors.ts';
import { headInShort } from '../../../policy/head.ts';
import type { NamedPolicy } from '../../../policy/source.ts';
import { nearest, printable } from '../../../text.ts';
import { type Cli, ending, shownPath } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { openCheckDesk } from '../../policies.ts';
import { sayList } from '../../table.ts';

const SCHEMA = 'palyra.policy.show/1';

export function show(cli: Cli): Command {
  const verb = command('show')
    .summary('the policies and the configuration in force')
    .description('List the policies in force, print one, or print the configuration and where each value comes from.')
    .argument('[id]', 'a policy, by its @id')
    .addOption(new Option('--show-config').hideHelp())
    .action(
      ending(cli, async (id, { showConfig: asksForConfig }: { readonly showConfig?: boolean }) => {
        if (asksForConfig !== true) return id === undefined ? await showAll(cli) : await showOne(cli, id);
        if (id === undefined) return await showConfig(cli);
        throw new PalyraError('usage.invalid', 'a policy or --config, not both', { hint: 'palyra policy show --help' });
      }),
    );
  return worded(verb, {
    about: `The policies in force are the baseline and those that policy.paths of palyra.toml names. With --config and no file behind
it, every effective value of palyra.toml is printed, and where it comes from.`,
    examples: [
      { says: 'what decides', command: 'palyra policy show' },
      { says: 'one policy, as it is written', command: 'palyra policy show allow_allowlisted_tool_execute' },
      { says: 'what is configured, and by which file', command: 'palyra policy show --config' },
    ],
    exits: ['ok', 'usage', 'not_found'],
  });
}

async function showAll(cli: Cli): Promise<ExitName> {
  const { inForce } = await openCheckDesk(cli, []);
  await sayList(cli.output, {
    schema: SCHEMA,
    items: inForce.policies,
    columns: [
      { heading: 'policy', cell: ({ id }) => id },
      { heading: 'effect', cell: ({ effect }) => effect },
      { heading: 'about', cell: headInShort },
      { heading: 'place', cell: ({ file, line }) => `${file}:${line}` },
    ],
    record: recordOf,
    empty: 'no policies',
  });
  return 'ok';
}

async function showOne(cli: Cli, id: string): Promise<ExitName> {
  const { inForce } = await openCheckDesk(cli, []);
  const policy = inForce.policies.find((each) => each.id === id);
  if (policy === undefined) {
    const [near] = nearest(
      id,
      inForce.policies.map((each) => each.id),
    );
    throw new PalyraError('store.not_found', `no such policy: ${id.slice(0, 80)}`, {
      hint: `palyra policy show${near === undefined ? '' : ` ${near}`}`,
    });
  }
  if (cli.output.json) {
    cli.output.value({ schema: SCHEMA, ...recordOf(policy) });
    return 'ok';
  }
  cli.output.note(`${printable(policy.file)}:${policy.startLine}`);
  cli.output.answer(printable(policy.text, { lines: true }));
  return 'ok';
}

function recordOf({ id, effect, file, line, scope, annotations, text }: NamedPolicy) {
  return { id, effect, file, line, scope, annotations: Object.fromEntries(annotations), text };
}

async function showConfig(cli: Cli): Promise<ExitName> {
  const { settings, origins } = await cli.config();
  await sayList(cli.output, {
    schema: 'palyra.policy.show.config/1',
    items: [...origins].map(([key, origin]) => ({ key, value: valueAt(settings, key), origin })),
    columns: [
      { heading: 'setting', cell: ({ key }) => key },
      { heading: 'value', cell: ({ value }) => JSON.stringify(value) },
      { heading: 'from', cell: ({ origin }) => shownPath(cli.world, origin), value: ({ origin }) => origin },
    ],
    record: (row) => row,
    empty: 'nothing is configured',
  });
  return 'ok';
}

function valueAt(settings: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((table, part) => Reflect.get(Object(table), part), settings);
}
