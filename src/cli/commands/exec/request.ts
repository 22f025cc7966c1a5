import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { EffectiveConfig } from '../../../config/effective.ts';
import { PalyraError } from '../../../errors.ts';
import { checkCommand } from '../../../sandbox/command.ts';
import { parseEgress } from '../../../sandbox/egress.ts';
import { insideEnvironment } from '../../../sandbox/environment.ts';
import { parseHostRules } from '../../../sandbox/hosts.ts';
import { parseSize } from '../../../sandbox/limits.ts';
import { narrowRules, narrowWorkspace, type RunRules } from '../../../sandbox/narrowing.ts';
import type { RunRequest } from '../../../sandbox/plan.ts';
import type { Sandbox } from '../../../sandbox/runner.ts';
import { parseTier } from '../../../sandbox/tier.ts';
import { parseDuration } from '../../../time.ts';
import { type Cli, configPath, stateRoot } from '../../cli.ts';
import { canAsk } from '../../prompt.ts';

/** The options as they are typed. */
export interface ExecOptions {
  readonly tier?: string | undefined;
  readonly egress?: string | undefined;
  readonly allowHost: readonly string[];
  readonly workspace?: string | undefined;
  readonly timeout?: string | undefined;
  readonly memory?: string | undefined;
  readonly maxOutput?: string | undefined;
  readonly env: readonly string[];
  readonly stdin?: true | undefined;
  readonly tty?: true | undefined;
  readonly session?: string | undefined;
  readonly run?: string | undefined;
  readonly wait?: string | undefined;
  readonly approval?: string | undefined;
  readonly report?: string | undefined;
  readonly allowRoot?: true | undefined;
}

/** What is to be run, and why a person has to look at it, whatever the posture. */
export interface AskedRun extends RunRequest {
  readonly asks: string | undefined;
}

/**
 * Everything about the run that the options and the configuration say.
 * @throws PalyraError usage.*, input.invalid, sandbox.refused
 */
export async function readRun(
  cli: Cli,
  sandbox: Sandbox,
  operands: readonly string[],
  options: ExecOptions,
): Promise<AskedRun> {
  const { world } = cli;
  if (options.tty === true && !(world.stdin.isTTY && world.stdout.isTTY)) {
    throw new PalyraError('usage.terminal_needed', '--tty hands on the terminal, and there is none', {
      hint: '--stdin hands on standard input',
    });
  }
  if (options.workspace === '') {
    throw new PalyraError('usage.invalid', '--workspace is empty', { hint: 'leave it out for the working directory' });
  }
  const argv = checkCommand(commandAfterDashes(world.argv, operands), sandbox.argumentsAreUtf8());
  const config = await cli.config();
  const { workspace_root: root } = config.settings.tool_call.process_runner;
  const given = resolve(world.cwd, options.workspace ?? root);
  const workspace = sandbox.workspace(narrowWorkspace(isAbsolute(root) ? root : undefined, given));
  const folder = workspace.realpath ?? workspace.path;
  const wish = {
    tier: options.tier === undefined ? undefined : parseTier(options.tier),
    egress: options.egress === undefined ? undefined : parseEgress(options.egress),
    hosts: options.allowHost,
    limits: {
      ...(options.timeout === undefined ? {} : { timeoutMs: parseDuration(options.timeout, '--timeout') }),
      ...(options.memory === undefined ? {} : { memoryLimitBytes: parseSize(options.memory, '--memory') }),
      ...(options.maxOutput === undefined ? {} : { maxOutputBytes: parseSize(options.maxOutput, '--max-output') }),
    },
  };
  return {
    ...narrowRules(rulesOf(config), wish, options.allowHost.length > 0 && canAsk(cli)),
    argv,
    workspace,
    cwd: world.cwd.startsWith(`${folder}/`) ? world.cwd : folder,
    environment: insideEnvironment(world.env, options.env, folder),
    stdin: options.stdin === true ? 'pipe' : 'null',
    tty: options.tty === true,
    allowRoot: options.allowRoot === true,
    hidden: hiddenFrom(cli, sandbox, config, folder),
    homes: homesOf(world, sandbox),
    searchFolders: searchFoldersOf(world, sandbox),
  };
}

/** What comes after `--` is the command, and nothing else is. */
function commandAfterDashes(argv: readonly string[], operands: readonly string[]): readonly string[] {
  const dashes = argv.indexOf('--');
  const after = argv.slice(dashes + 1);
  if (dashes !== -1 && after.length === operands.length) return operands;
  throw new PalyraError('usage.invalid', 'the command comes after --', {
    why: 'what stands before it is for palyra, what stands after it is not',
    hint: 'palyra exec --tier c --egress strict -- git status',
  });
}

function rulesOf({ settings }: EffectiveConfig): RunRules {
  const runner = settings.tool_call.process_runner;
  return {
    tier: runner.tier,
    egress: runner.egress_enforcement_mode,
    hosts: parseHostRules(runner.allowed_egress_hosts, runner.allowed_dns_suffixes),
    limits: {
      timeoutMs: runner.timeout_ms,
      cpuTimeLimitMs: runner.cpu_time_limit_ms,
      memoryLimitBytes: runner.memory_limit_bytes,
      maxOutputBytes: runner.max_output_bytes,
      maxProcesses: runner.max_processes,
      maxFileSizeBytes: runner.max_file_size_bytes,
      maxOpenFiles: runner.max_open_files,
      tmpSizeBytes: runner.tmp_size_bytes,
    },
  };
}

/** The state, the operator's configuration and policies: nobody inside sees or changes what decides about them. */
function hiddenFrom(
  cli: Cli,
  sandbox: Sandbox,
  { policyPaths }: EffectiveConfig,
  folder: string,
): RunRequest['hidden'] {
  const root = stateRoot(cli);
  if (root.startsWith(`${folder}/`) && sandbox.hidden(root) === undefined) {
    throw new PalyraError('sandbox.refused', `the state would be made in the workspace, at ${root}`, {
      why: 'what is not there yet cannot be hidden from the command',
      hint: 'run it again: it is there now',
      details: { reason_code: 'exec.state_in_workspace' },
    });
  }
  const own = policyPaths.filter(({ forbidOnly }) => !forbidOnly).map(({ path }) => path);
  const found = [stateRoot(cli), configPath(cli), ...own].map((path) => sandbox.hidden(path));
  return found.filter((entry) => entry !== undefined);
}

/** HOME may be set to anything: the password database's counts as well. */
function homesOf({ env, account }: Cli['world'], sandbox: Sandbox): string[] {
  return [account().home, env.HOME ?? ''].flatMap((home) => (isAbsolute(home) ? (sandbox.realpath(home) ?? []) : []));
}

/**
 * As a shell would look there: relative ones from here, and those that are not there yet, too, for a command could make
 * them. Those in the system's folders are no workspace in any case.
 */
function searchFoldersOf({ env, cwd }: Cli['world'], sandbox: Sandbox): string[] {
  const path = env.PATH ?? '';
  const folders = path === '' ? [] : path.split(':').map((folder) => resolve(cwd, folder));
  const others = new Set(folders.filter((folder) => !/^\/(usr|s?bin)(\/|$)/.test(folder)));
  return [...new Set([...others].flatMap((folder) => [folder, realAsFar(folder, sandbox)]))];
}

/** What leads there, as it really is as far as it is there. */
function realAsFar(path: string, sandbox: Sandbox): string {
  return sandbox.realpath(path) ?? join(realAsFar(dirname(path), sandbox), basename(path));
}
