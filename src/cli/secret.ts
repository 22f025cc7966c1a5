import { PalyraError } from '../errors.ts';
import type { Cli } from './cli.ts';

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
