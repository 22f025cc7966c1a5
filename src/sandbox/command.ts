import { PalyraError } from '../errors.ts';
import { count } from '../text.ts';

/**
 * The command line as given, checked for size and shape, never changed.
 * @param bytesWereUtf8 false if the system's own copy of the arguments is not UTF-8: Node has replaced bytes in ours
 * @throws PalyraError usage.invalid, input.too_large
 */
export function checkCommand(argv: readonly string[], bytesWereUtf8: boolean): readonly [string, ...string[]] {
  const [program, ...rest] = argv;
  if (program === undefined || program === '') {
    throw new PalyraError('usage.invalid', 'no command', {
      hint: 'palyra exec --tier c --egress strict -- git status',
    });
  }
  if (!bytesWereUtf8 || !argv.every((argument) => argument.isWellFormed())) {
    throw new PalyraError('usage.invalid', 'an argument is not UTF-8', {
      why: 'it would not be passed on as it was given',
    });
  }
  if (argv.some((argument) => argument.includes('\0'))) {
    throw new PalyraError('usage.invalid', 'an argument holds a NUL', { why: 'the system would cut it there' });
  }
  if (Buffer.byteLength(program) > LONGEST_PROGRAM) {
    throw new PalyraError('input.too_large', `the command is longer than ${LONGEST_PROGRAM} bytes`);
  }
  if (/[\s\p{Cc}]/u.test(program)) {
    throw new PalyraError('usage.invalid', 'the command holds a blank', {
      why: 'there is no shell here: the first argument is the program alone',
      hint: 'write -- git status, not -- "git status"',
    });
  }
  if (rest.length > MOST_ARGUMENTS) {
    throw new PalyraError('input.too_large', `${count(rest.length, 'argument')}; at most ${MOST_ARGUMENTS}`);
  }
  const long = rest.findIndex((argument) => Buffer.byteLength(argument) > LONGEST_ARGUMENT);
  if (long !== -1) {
    throw new PalyraError('input.too_large', `argument ${long + 1} is longer than ${LONGEST_ARGUMENT} bytes`);
  }
  return [program, ...rest];
}

const MOST_ARGUMENTS = 128;
const LONGEST_ARGUMENT = 4096;
const LONGEST_PROGRAM = 256;
