import { PalyraError } from '../errors.ts';
import type { Cli } from './cli.ts';

/**
 * The secret in a file, or on standard input for `-`: one line, white space around it dropped.
 * @throws PalyraError usage.invalid, input.too_large, store.not_found; nothing of it is echoed
 */
export async function readSecret({ world, output }: Cli, file: string): Promise<string> {
  if (file === '-' && world.stdin.isTTY) output.note('paste the secret, then press Enter and Ctrl-D');
  const files = await world.files();
  const secret = files.readText(file, { bytes: SECRET_BYTES, what: 'secret' }).trim();
  if (secret === '')
    throw new PalyraError(
      'usage.invalid',
      file === '-' ? 'there is no secret on standard input' : `there is no secret in ${file}`,
    );
  return secret;
}

const SECRET_BYTES = 1024;
