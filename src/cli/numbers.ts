import { PalyraError } from '../errors.ts';

/** For an option that is a whole number, as commander hands it in. */
export function parseCount(option: string): (text: string) => number {
  return (text) => {
    if (/^[0-9]{1,9}$/.test(text)) return Number(text);
    throw new PalyraError('usage.invalid', `${option} is not a whole number: ${text.slice(0, 40)}`);
  };
}
