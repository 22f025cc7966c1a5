import { PalyraError } from '../errors.ts';
import { shellWord } from '../text.ts';
import type { Cli } from './cli.ts';
import { written } from './output.ts';

const SECRET_BYTES = 1024;

/**
 * The secret in a file, or on standard input for `-`; white space around it is dropped.
 * @param hint how to hand it in
 * @throws PalyraError usage.invalid, input.too_large, store.not_found; nothing of it is echoed
 */
export async function readSecret({ world }: Pick<Cli, 'world'>, path: string, hint: string): Promise<string> {
  if (path === '-' && world.stdin.isTTY === true) {
    throw new PalyraError('usage.invalid', 'no secret on standard input, which is a terminal', { hint });
  }
  const secret = (await world.files()).readText(path, { bytes: SECRET_BYTES, what: 'secret file' }).trim();
  if (secret === '') throw new PalyraError('usage.invalid', 'there is no secret: the input is empty', { hint });
  return secret;
}

/**
 * Before a secret is made that is shown once: that somebody will see it.
 * @throws PalyraError usage.invalid
 */
export async function requireReader({ world, options }: Pick<Cli, 'world' | 'options'>): Promise<void> {
  if (options.dryRun || !(await world.outputIsDiscarded())) return;
  throw new PalyraError('usage.invalid', 'the secret would be lost: standard output is closed, or /dev/null', {
    why: 'it is shown once, and kept nowhere',
    hint: 'leave standard output open; a file that only you can read: (umask 077; palyra … > FILE)',
  });
}

/**
 * Show a new secret, once, see that it came out, and warn if others may read it there. With --json it stands in the answer, which was given before.
 * @param undo the command that ends a secret which nobody saw
 * @throws PalyraError output.failed
 */
export async function showSecret(
  { world, output }: Pick<Cli, 'world' | 'output'>,
  secret: string,
  undo: string,
): Promise<void> {
  if (!output.json) {
    output.note('shown once; only its SHA-256 is kept');
    output.answer(secret);
  }
  if (await written(world.stdout, '')) {
    const open = await world.outputOpenToOthers();
    if (open === undefined) return;
    const { path, mode } = open;
    output.warn(`others may read the secret in ${path} (mode ${mode.toString(8)})`, `chmod 600 ${shellWord(path)}`);
    return;
  }
  throw new PalyraError('output.failed', 'the secret was made, but could not be shown', {
    why: 'standard output was closed, or is full; the secret works all the same',
    hint: undo,
  });
}
