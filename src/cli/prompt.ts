import { PalyraError } from '../errors.ts';
import { printable } from '../text.ts';
import type { Cli } from './cli.ts';

/** Whether a person can be asked: a pipe must never answer for one. */
export function canAsk({ world, options }: Pick<Cli, 'world' | 'options'>): boolean {
  return options.input && world.stdin.isTTY === true && world.stderr.isTTY === true;
}

/**
 * Ask yes or no, on stderr; Enter is no.
 * @throws PalyraError interrupted
 */
export async function confirm({ world }: Pick<Cli, 'world'>, question: string): Promise<boolean> {
  const { createPromptModule } = await import('inquirer');
  const prompt = createPromptModule({ input: world.stdin, output: world.stderr });
  try {
    const { yes } = await prompt([{ type: 'confirm', name: 'yes', message: printable(question), default: false }]);
    return yes === true;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ExitPromptError') throw error;
    throw new PalyraError('interrupted', 'interrupted; nothing was changed', { cause: error });
  }
}
