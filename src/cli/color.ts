import type { ChalkInstance } from 'chalk';

/** How a word is painted. Colour is never the only sign, so every paint may be the identity. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly caution: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

export type ColorChoice = 'auto' | 'always' | 'never';

/**
 * Whether a stream gets colour: the choice, then NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM=dumb, CLICOLOR and whether
 * it is a terminal. Sources: no-color.org, bixense.com/clicolors, Node's own FORCE_COLOR. Decided per stream: chalk
 * alone looks at stdout only and does not know NO_COLOR.
 */
export function wantsColor(
  choice: ColorChoice,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (choice !== 'auto') return choice === 'always';
  if ((env.NO_COLOR ?? '') !== '') return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if ((env.CLICOLOR_FORCE ?? '0') !== '0') return true;
  if (env.TERM === 'dumb' || env.CLICOLOR === '0') return false;
  return isTerminal;
}

/** The paints of a stream; chalk is loaded only where there is colour. */
export async function openPaint(colored: boolean): Promise<Paint> {
  if (!colored) return PLAIN;
  const { Chalk } = await import('chalk');
  const chalk: ChalkInstance = new Chalk({ level: 1 });
  return { good: chalk.green, bad: chalk.red, caution: chalk.yellow, strong: chalk.bold, faint: chalk.dim };
}

const same = (text: string): string => text;
export const PLAIN: Paint = { good: same, bad: same, caution: same, strong: same, faint: same };
