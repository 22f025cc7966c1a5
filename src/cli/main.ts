import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { PalyraError, systemCode } from '../errors.ts';
import {
  nounOf,
  refuseForeignBytes,
  refuseSecrets,
  refuseUnknownNames,
  refuseUnknownOptions,
  spellOut,
} from './arguments.ts';
import { PLAIN } from './color.ts';
import { EXITS, type Exit, type ExitName, exitCodeOf } from './exits.ts';
import { sayFailure } from './failure.ts';
import { newCli, openCli } from './open-cli.ts';
import { sayError } from './output.ts';
import { buildProgram } from './program.ts';
import { openWorld, type World } from './world.ts';

/** Run the command line of this process and set its exit code. */
export async function main(): Promise<void> {
  const world = openWorld();
  const written = watchStreams(world);
  const exit = await runCommandLine(world);
  process.exitCode = exitCodeOf(written.failed ? 'failure' : exit);
}

/** Read the arguments, do the one thing they name, say how it ended. Never throws. */
async function runCommandLine(world: World): Promise<Exit> {
  const cli = newCli(world);
  let program: Command | undefined;
  try {
    refuseSecrets(world.argv);
    const noun = nounOf(world.argv);
    await refuseForeignBytes(world, noun);
    program = await buildProgram(cli, versionOf(world), noun);
    program.hook('preAction', async (_, subject) => await openCli(cli, subject.optsWithGlobals()));
    if (noun === undefined && !world.argv.includes('--version')) return sayOverview(world, program);
    refuseUnknownNames(program, world.argv, noun);
    await program.parseAsync(spellOut(world.argv), { from: 'user' });
    return cli.exit;
  } catch (error) {
    return await sayFailure(world, error, program);
  }
}

/** `palyra` alone, `palyra --help`. */
function sayOverview(world: World, program: Command): ExitName {
  const asked = world.argv.some((argument) => argument === '-h' || argument === '--help');
  refuseUnknownOptions(program, world.argv);
  (asked ? world.stdout : world.stderr).write(program.helpInformation());
  return asked ? 'ok' : 'usage';
}

function versionOf(world: World): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(world.packageFolder, 'package.json'), 'utf8'));
  return manifest.version;
}

/**
 * Whoever reads us may stop reading (head, less): no error, and the command goes on to its own exit code, for a deny must
 * not become a 0 because nobody read it. Any other failure to write (a full disk) is told, and is never an answer.
 */
function watchStreams(world: World): { failed: boolean } {
  const written = { failed: false };
  world.stdout.on('error', (error) => {
    if (systemCode(error) === 'EPIPE' || written.failed) return;
    written.failed = true;
    process.exitCode = EXITS.failure.code;
    const why = `the system says ${systemCode(error) ?? 'nothing'}`;
    sayError(
      world.stderr,
      new PalyraError('output.failed', 'standard output cannot be written', { why }),
      'failure',
      false,
      PLAIN,
    );
  });
  world.stderr.on('error', () => {});
  return written;
}
