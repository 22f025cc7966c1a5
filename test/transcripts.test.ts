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

  test('the blocks of README', async () => {
    const path = join(PACKAGE, 'README.md');
    const written = readFileSync(path, 'utf8');
    const blocks = [...written.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    expect(blocks.length).toBeGreaterThan(0);
    // one place for all: a reader types them one after the other
    const replayed = await replay(blocks.join(SEPARATOR));
    if (process.env.PALYRA_UPDATE === '1') {
      const fresh = replayed.split(SEPARATOR);
      let n = 0;
      writeFileSync(
        path,
        written.replace(/^```console\n[\s\S]*?^```$/gm, () => `\`\`\`console\n${fresh[n++] ?? ''}\`\`\``),
      );
    } else expect(replayed.split(SEPARATOR)).toEqual(blocks);
  });
});

test('README shows the walk-through of two terminals as it is typed', () => {
  const walk = readFileSync(join(PACKAGE, 'test/pty/two-terminals.txt'), 'utf8').trimEnd();
  expect(readFileSync(join(PACKAGE, 'README.md'), 'utf8')).toContain(`\`\`\`text\n${walk}\n\`\`\``);
});

const SEPARATOR = '\n# next block\n\n';
