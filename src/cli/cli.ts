import { isAbsolute, join, resolve } from 'node:path';
import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError } from '../errors.ts';
import type { Desk } from '../flows/act.ts';
import type { State } from '../store/state.ts';
import type { Store } from '../store/store.ts';
import { count, printable } from '../text.ts';
import type { ColorChoice } from './color.ts';
import type { Exit } from './exits.ts';
import type { Output } from './output.ts';
import type { World } from './world.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly stateRoot?: string | undefined;
  readonly config?: string | undefined;
  readonly as?: string | undefined;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly input: boolean;
  readonly reason?: string | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: ColorChoice;
}

/** What a verb works with: the world, the options that every command takes, and the way to say things. */
export interface Cli {
  readonly world: World;
  readonly options: GlobalOptions;
  readonly output: Output;
  /** the configuration in force, read once; keys of a project's file that are ignored are warned of here */
  readonly config: () => Promise<EffectiveConfig>;
  /** the state, opened once; what its recovery did is told */
  readonly store: () => Promise<Store<State>>;
  /** how the command ended; ok unless a verb says otherwise */
  exit: Exit;
}

/** Wrap a verb's work for commander: what it returns is how the command ends. */
export function ending<Arguments extends unknown[]>(
  cli: Cli,
  work: (...given: Arguments) => Promise<Exit>,
): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    cli.exit = await work(...given);
  };
}

/** Where state is kept: --state-root, PALYRA_STATE_ROOT, $XDG_STATE_HOME/palyra, ~/.local/state/palyra. */
export function stateRoot({ world, options }: Pick<Cli, 'world' | 'options'>): string {
  const named = options.stateRoot ?? filled(world.env.PALYRA_STATE_ROOT);
  if (named !== undefined) return resolve(world.cwd, named);
  return join(baseFolder(world, 'XDG_STATE_HOME', '.local/state'), 'palyra');
}

/** Open the state; says on stderr where it was made (and, if asked to say more, where it is), and warns of what a crash had left. */
export async function openStore(
  { world, options }: Pick<Cli, 'world' | 'options'>,
  { note, warn }: Pick<Output, 'note' | 'warn'>,
): Promise<Store<State>> {
  const root = stateRoot({ world, options });
  if (options.verbose) note(`state: ${printable(shownPath(world, root))}`);
  return await world.store(root, (notice) => {
    if (notice.kind === 'created') {
      note(`made ${printable(shownPath(world, notice.root))}, for your eyes only`);
    } else if (notice.kind === 'finished') {
      warn(`a crash had cut off entry ${notice.seq} of the journal from its files; it is finished now`);
    } else {
      warn(`a crash had left ${count(notice.bytes, 'byte')} of an unfinished journal entry; they are cut off now`);
    }
  });
}

/** What a mutation of the registry is made with. */
export async function openDesk(cli: Cli): Promise<Desk> {
  const { world, options } = cli;
  const { login, uid } = world.account();
  return {
    store: await cli.store(),
    clock: world.clock,
    random: world.random,
    by: { login, uid, pid: world.pid, host: world.host(), as: options.as, secret: world.token },
    reason: options.reason,
    dryRun: options.dryRun,
  };
}

/** Read the configuration in force; says from where if asked to say more, and warns of what of a project's is ignored. */
export async function openConfig(
  { world, options }: Pick<Cli, 'world' | 'options'>,
  { note, warn }: Pick<Output, 'note' | 'warn'>,
): Promise<EffectiveConfig> {
  const { loadConfig } = await import('../flows/load-config.ts');
  const named = options.config ?? filled(world.env.PALYRA_CONFIG);
  const config = loadConfig(
    { files: await world.files() },
    {
      userPath: configPath({ world, options }),
      named: named !== undefined,
      projectPath: join(world.cwd, 'palyra.toml'),
      home: homeOf(world),
    },
  );
  if (options.verbose) {
    const paths = [config.userPath, config.projectPath].filter((path) => path !== undefined);
    note(`configuration: ${paths.map((path) => printable(shownPath(world, path))).join(', ')}`);
  }
  for (const { key, why } of config.ignored) {
    warn(
      `${config.projectPath ?? 'palyra.toml'}: ${key} is ignored: ${why}`,
      'a project may only narrow; put it into your own file',
    );
  }
  return config;
}

/** The operator's own file: --config, PALYRA_CONFIG, $XDG_CONFIG_HOME/palyra/palyra.toml, ~/.config/palyra/palyra.toml. */
export function configPath({ world, options }: Pick<Cli, 'world' | 'options'>): string {
  const named = options.config ?? filled(world.env.PALYRA_CONFIG);
  if (named !== undefined) return resolve(world.cwd, named);
  return join(baseFolder(world, 'XDG_CONFIG_HOME', '.config'), 'palyra/palyra.toml');
}

/** A path for people: below the home as `~/…`. */
export function shownPath(world: World, path: string): string {
  const home = homeOf(world);
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** The XDG specification: a relative value is to be ignored. */
function baseFolder(world: World, variable: string, fallback: string): string {
  const given = world.env[variable];
  return given !== undefined && isAbsolute(given) ? given : join(homeOf(world), fallback);
}

function homeOf(world: World): string {
  const home = filled(world.env.HOME) ?? world.account().home;
  if (isAbsolute(home)) return home;
  throw new PalyraError('usage.invalid', 'HOME is not an absolute path', { hint: 'give --state-root and --config' });
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
