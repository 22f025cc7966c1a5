import type { Command } from 'commander';
import { type Registry, registryShape } from '../../../access/registry.ts';
import { PalyraError } from '../../../errors.ts';
import type { Hit } from '../../../flows/access/scan-secrets.ts';
import { shortId } from '../../../ids.ts';
import { count } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import { openProgress } from '../../progress.ts';
import { sayList } from '../../table.ts';

export function scan(cli: Cli): Command {
  const verb = command('scan')
    .summary('find leaked secrets, and say which are live')
    .description(
      "Look for palyra's secrets in files, folders, standard input or git commits, offline, by their checksums.",
    )
    .argument('[paths...]', 'files and folders (- for standard input, the default without --git)')
    .option('--git <range>', 'the messages and additions of these commits: main..HEAD')
    .action(
      ending(cli, async (paths, { git: range }) => {
        const { scanSecrets } = await import('../../../flows/access/scan-secrets.ts');
        const progress = openProgress(cli, (bytes) => `${Math.floor(bytes / 1024 ** 2)} MiB looked through`);
        const desk = {
          sources: await cli.world.sources(),
          registry: await readRegistry(cli),
          now: cli.world.clock(),
          cwd: cli.world.cwd,
          progress: progress.show,
        };
        const from = paths.length === 0 && range === undefined ? ['-'] : paths;
        const { hits, unread, bytes } = await scanSecrets(desk, { paths: from, range }).finally(progress.end);
        await sayList(cli.output, { ...LISTING, items: hits });
        for (const { message } of unread) cli.output.warn(message);
        const live = hits.filter(({ state }) => state === 'live').length;
        cli.output.note(`${count(hits.length, 'secret')} in ${count(bytes, 'byte')}, ${live} live`);
        if (hits.length > 0) return 'check_failed';
        return unread.length > 0 ? 'usage' : 'ok';
      }),
    );
  return worded(verb, {
    about: `Exit 6 when there is one, 2 when there is none but something could not be read. live: it opens something now; unknown:
ours by its checksum, but not of this state root. Secrets of the older form have no checksum and are found only if this
state root knows them. A secret itself is never shown.

In git, what a commit adds and says is looked through; what it takes away was there before.`,
    examples: [
      { says: 'this folder', command: 'palyra tokens scan .' },
      { says: 'what somebody pipes in', command: 'echo nothing here | palyra tokens scan' },
    ],
    exits: ['ok', 'usage', 'check_failed'],
  });
}

const LISTING = {
  schema: 'palyra.tokens.scan/1',
  columns: [
    { heading: 'where', cell: ({ source, line }: Hit) => (line === 0 ? source : `${source}:${line}`) },
    { heading: 'state', cell: ({ state }: Hit) => state },
    { heading: 'kind', cell: ({ kind }: Hit) => kind },
    { heading: 'begins with', cell: ({ prefix }: Hit) => prefix },
    {
      heading: 'id',
      cell: ({ id }: Hit) => (id === null ? '' : shortId(id)),
      value: ({ id }: Hit) => id ?? '',
    },
    { heading: 'label', cell: ({ label }: Hit) => label ?? '' },
  ],
  record: (hit: Hit) => hit,
  empty: 'no secrets',
} as const;

/** A scan needs no state: with one that cannot be read it still finds, but cannot tell which are live. */
async function readRegistry(cli: Cli): Promise<Registry> {
  try {
    return (await (await cli.store()).read('registry')).registry;
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    cli.output.warn(`which secrets are live cannot be told: ${error.message}`, error.hint);
    return registryShape.empty();
  }
}
