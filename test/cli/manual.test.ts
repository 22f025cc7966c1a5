import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import type { Cli } from '../../src/cli/cli.ts';
import { pathOf, wordsOf } from '../../src/cli/command.ts';
import { EXITS } from '../../src/cli/exits.ts';
import { manualPages } from '../../src/cli/man.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { TOPICS } from '../../src/cli/topics.ts';
import { newPlace, PACKAGE } from '../palyra.ts';

const MAN = join(PACKAGE, 'man');
// the tree is only described here, never run
const program = await buildProgram({} as Cli, '0.0.0', '*');
const verbs = program.commands.flatMap(leaves);

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

describe('the manual', () => {
  test('says what the command tree says (PALYRA_UPDATE=1 writes it)', () => {
    const pages = manualPages(program, TOPICS);
    if (process.env.PALYRA_UPDATE === '1') {
      rmSync(MAN, { recursive: true, force: true });
      mkdirSync(MAN);
      for (const { file, text } of pages) writeFileSync(join(MAN, file), text);
    }
    const written = readdirSync(MAN).map((file) => ({ file, text: readFileSync(join(MAN, file), 'utf8') }));
    const byFile = (a: { file: string }, b: { file: string }): number => (a.file < b.file ? -1 : 1);
    expect(written.sort(byFile)).toEqual(pages.sort(byFile));
  });

  test('is read by man without a complaint', () => {
    for (const file of readdirSync(MAN)) {
      const complaints = execFileSync(
        '/bin/sh',
        ['-c', `man --warnings -E UTF-8 -l -Tutf8 -Z "${join(MAN, file)}" 2>&1 >/dev/null`],
        {
          env: { PATH: '/usr/bin:/bin', MANWIDTH: '100', LANG: 'C.UTF-8' },
          encoding: 'utf8',
        },
      );
      expect(`${file}: ${complaints}`).toBe(`${file}: `);
    }
  });
});

describe('the help of each verb', () => {
  for (const verb of verbs) {
    const path = pathOf(verb);
    test(`${path.join(' ')} has words, and its examples end as they say`, async () => {
      const words = wordsOf(verb);
      if (words === undefined) throw new Error(`${path.join(' ')} has no words`);
      expect(verb.summary()).not.toBe('');
      expect(words.examples.length).toBeGreaterThan(0);
      const place = newPlace();
      for (const { command } of words.examples) {
        const ended = await place.bash(command);
        const codes = words.exits.map((exit) => EXITS[exit].code as number);
        expect({ command, stderr: ended.stderr, known: codes.includes(ended.code) }).toMatchObject({ known: true });
        expect(`${command}: ${ended.stderr}`).not.toMatch(/palyra: error: (unknown|not the id|a request)/);
      }
    });
  }

  test('is the same by --help and by palyra help', async () => {
    const place = newPlace();
    const byFlag = await place.palyra(['policy', 'check', '--help']);
    const byName = await place.palyra(['help', 'policy', 'check']);
    expect(byFlag.stdout.trimEnd()).toBe(byName.stdout.trimEnd());
    expect(byFlag.stdout).toContain('Examples:');
    expect([byFlag.code, byName.code]).toEqual([0, 0]);
  });
});
