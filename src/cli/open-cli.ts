import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError } from '../errors.ts';
import { type Cli, type GlobalOptions, openConfig, openStore } from './cli.ts';
import { openPaint, wantsColor } from './color.ts';
import { type Output, openOutput } from './output.ts';
import type { World } from './world.ts';

type OpenCli = { -readonly [K in keyof Cli]: Cli[K] };

/** Options and output are there once the arguments are read; no verb runs before. */
export function newCli(world: World): OpenCli {
  const early = (): never => {
    throw new Error('the command line has not been read yet');
  };
  return {
    world,
    exit: 'ok',
    get options(): GlobalOptions {
      return early();
    },
    get output(): Output {
      return early();
    },
    config: early,
    store: early,
  };
}

/**
 * Give it the options that every command takes, and what depends on them.
 * @param given as commander read them
 * @throws PalyraError usage.invalid
 */
export async function openCli(cli: OpenCli, given: Record<string, unknown>): Promise<void> {
  const { world } = cli;
  if (world.cwd === '') {
    throw new PalyraError('usage.invalid', 'the working folder is gone', {
      why: 'it was removed or replaced since your shell went there',
      hint: 'cd .   or go to another folder',
    });
  }
  const color = given.color;
  if (color !== 'auto' && color !== 'always' && color !== 'never') {
    throw new PalyraError('usage.invalid', `--color is auto, always or never, not ${String(color)}`);
  }
  for (const [name, value] of [
    ['--state-root', given.stateRoot],
    ['--config', given.config],
    ['--as', given.as],
  ]) {
    if (value === '') throw new PalyraError('usage.invalid', `${name} is empty`, { hint: 'palyra --help' });
  }
  const options: GlobalOptions = {
    stateRoot: text(given.stateRoot),
    config: text(given.config),
    as: text(given.as) ?? (world.env.PALYRA_PRINCIPAL || undefined),
    json: given.json === true,
    dryRun: given.dryRun === true,
    yes: given.yes === true,
    input: given.input !== false,
    reason: text(given.reason),
    quiet: given.quiet === true,
    verbose: given.verbose === true,
    color,
  };
  const output = openOutput(world.stdout, world.stderr, {
    json: options.json,
    quiet: options.quiet,
    paint: await openPaint(!options.json && wantsColor(color, world.env, world.stdout.isTTY)),
    errPaint: await openPaint(wantsColor(color, world.env, world.stderr.isTTY)),
  });
  let config: Promise<EffectiveConfig> | undefined;
  Object.defineProperties(cli, { options: { value: options }, output: { value: output } });
  cli.config = () => {
    config ??= openConfig({ world, options }, output);
    return config;
  };
  let store: ReturnType<Cli['store']> | undefined;
  cli.store = () => {
    store ??= openStore({ world, options }, output);
    return store;
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
