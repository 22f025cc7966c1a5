import { PalyraError } from '../errors.ts';
import { isActiveVariable } from './preflight/programs.ts';

/** Where programs are looked for inside: the system's own folders, nobody's home. */
export const INSIDE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is taken over from the caller as it is. */
const TAKEN = ['LANG', 'LC_ALL', 'TERM', 'TZ'];

/**
 * The environment of a command: PATH, HOME, TMPDIR of ours, a few of the caller's, and what was named. PATH is always
 * INSIDE_PATH: what a name means inside is known before.
 * @param named `KEY` takes the caller's value, `KEY=value` sets one; no patterns; PALYRA_ names are refused
 * @throws PalyraError usage.invalid; sandbox.refused for a variable that runs programs or changes who is dialled
 */
export function insideEnvironment(
  caller: Readonly<Record<string, string | undefined>>,
  named: readonly string[],
  home: string,
): Readonly<Record<string, string>> {
  const environment: Record<string, string> = { PATH: INSIDE_PATH, HOME: home, TMPDIR: '/tmp' };
  for (const name of TAKEN) {
    const value = caller[name];
    if (value !== undefined && !value.includes('\0')) environment[name] = value;
  }
  for (const one of named) {
    const [, name = '', , value] = /^([A-Za-z_][A-Za-z0-9_]*)(=([\s\S]*))?$/.exec(one) ?? [];
    if (name === '' || one.includes('\0')) {
      throw new PalyraError('usage.invalid', `not an environment variable: ${one.split('=')[0]?.slice(0, 40)}`, {
        hint: '--env NAME takes the value of here, --env NAME=value sets one',
      });
    }
    if (/^PALYRA_/i.test(name)) {
      throw new PalyraError('usage.invalid', `${name} is never handed to a command`, { why: 'it may hold a secret' });
    }
    if (OF_THE_SHELL.test(name)) {
      throw new PalyraError('usage.invalid', `${name} cannot be handed on`, {
        why: 'the shell that becomes the command sets it itself',
        hint: `leave --env ${name} out`,
      });
    }
    if (isActiveVariable(name)) {
      throw new PalyraError('sandbox.refused', `${name} changes what programs run or reach`, {
        why: 'a command would be another one than the one that is judged and allowed',
        hint: `leave --env ${name} out`,
        details: { reason_code: 'preflight.runs_programs' },
      });
    }
    const taken = value ?? caller[name];
    if (taken !== undefined) environment[name] = taken;
  }
  return environment;
}

// what bash or dash drops, or replaces by its own
const OF_THE_SHELL =
  /^(_|E?UID|PPID|GROUPS|OPTIND|LINENO|S?RANDOM|SECONDS|EPOCH(SECONDS|REALTIME)|DIRSTACK|FUNCNAME|HISTCMD|PIPESTATUS|SHLVL|BASH[A-Z]+)$/;

/** Those of an environment that were named for it. */
export function namedVariables(
  environment: Readonly<Record<string, string>>,
  named: readonly string[],
): Readonly<Record<string, string>> {
  const names = new Set(named.map((one) => one.split('=')[0]));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => names.has(name)));
}
