import { PalyraError } from '../errors.ts';
import { isPlain } from '../text.ts';

/**
 * A name that is stored and shown: 1 to 128 bytes, nothing invisible in it.
 * @throws PalyraError usage.invalid, which does not echo it
 */
export function parseName(text: string, option: string): string {
  const name = text.trim();
  if (name === '') throw new PalyraError('usage.invalid', `${option} is blank`);
  if (Buffer.byteLength(name) > NAME_BYTES) {
    throw new PalyraError('usage.invalid', `${option} is too long`, { why: `at most ${NAME_BYTES} bytes` });
  }
  refuseInvisible(name, option);
  return name;
}

/**
 * What stands for somebody or something must look like what it is.
 * @throws PalyraError usage.invalid, which does not echo it
 */
export function refuseInvisible(name: string, option: string): void {
  if (isPlain(name)) return;
  throw new PalyraError('usage.invalid', `${option} has invisible or direction-changing characters`, {
    why: 'what is shown would not be what is meant',
  });
}

const NAME_BYTES = 128;
