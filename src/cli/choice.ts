import { PalyraError } from '../errors.ts';
import { nearest } from '../text.ts';

/**
 * One of a few words, as somebody typed it.
 * @param noun what the word stands for, e.g. `state`
 * @throws PalyraError usage.unknown with the nearest one
 */
export function readChoice<const Word extends string>(noun: string, given: string, words: readonly Word[]): Word {
  const word = words.find((known) => known === given);
  if (word !== undefined) return word;
  const [near] = nearest(given, words);
  throw new PalyraError('usage.unknown', `unknown ${noun} ${given.slice(0, 40)}`, {
    why: `a ${noun} is ${words.join(', ')}`,
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
