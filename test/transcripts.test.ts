import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE } from './palyra.ts';
import { replay } from './replay.ts';

/**
 * What a person typed and saw, whole: `$ command` lines, what came (stdout and stderr as a terminal mixes them), and
 * `[exit N]` where it is not 0. Each file starts in an empty home. PALYRA_UPDATE=1 writes what came into the file.
 */
const FOLDER = join(import.meta.dirname, 'transcripts');

describe('transcripts', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt'))) {
    test(file, async () => {
      const path = join(FOLDER, file);
      const written = readFileSync(path, 'utf8');
      const replayed = await replay(written);
      if (process.env.PALYRA_UPDATE === '1') writeFileSync(path, replayed);
      else expect(replayed).toBe(written);
    });
  }

  // a reader types them one after the other
  test('the blocks of README, in one place', async () => await replayPage('README.md', (page) => [page]));

  test('the tasks of the cookbook, each in a place of its own', async () => {
    await replayPage('.github/COOKBOOK.md', (page) => page.split(/^(?=## )/m));
  });
});

/** Replay the console blocks of a page, part by part. */
async function replayPage(name: string, partsOf: (page: string) => string[]): Promise<void> {
  const path = join(PACKAGE, name);
  const written = readFileSync(path, 'utf8');
  const parts = await Promise.all(partsOf(written).map(replayPart));
  expect(parts.join('').length).toBeGreaterThan(1000);
  if (process.env.PALYRA_UPDATE === '1') writeFileSync(path, parts.join(''));
  else expect(parts.join('')).toBe(written);
}

async function replayPart(part: string): Promise<string> {
  const blocks = [...part.matchAll(CONSOLE)].map(([, block = '']) => block);
  if (blocks.length === 0) return part;
  const replayed = (await replay(blocks.join(SEPARATOR))).split(SEPARATOR);
  let n = 0;
  return part.replace(CONSOLE, () => `\`\`\`console\n${replayed[n++] ?? ''}\`\`\``);
}

const CONSOLE = /^```console\n([\s\S]*?)^```$/gm;

test('README shows the walk-through of two terminals as it is typed', () => {
  const walk = readFileSync(join(PACKAGE, 'test/pty/two-terminals.txt'), 'utf8').trimEnd();
  expect(readFileSync(join(PACKAGE, 'README.md'), 'utf8')).toContain(`\`\`\`text\n${walk}\n\`\`\``);
});

const SEPARATOR = '\n# next block\n\n';
