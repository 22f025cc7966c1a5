import { isAbsolute, resolve } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import type { EffectiveConfig } from '../../../config/effective.ts';
import { PalyraError } from '../../../errors.ts';
import { whoActs } from '../../../flows/act.ts';
import { finishRuns, keptLostRuns } from '../../../flows/lost-runs.ts';
import { type RunDesk, runTool, type ToolCall, type ToolRun } from '../../../flows/run-tool.ts';
import { readRequest } from '../../../policy/request.ts';
import { checkCommand } from '../../../sandbox/command.ts';
import { parseEgress } from '../../../sandbox/egress.ts';
import { insideEnvironment, namedVariables } from '../../../sandbox/environment.ts';
import { parseHostRules } from '../../../sandbox/hosts.ts';
import { parseSize } from '../../../sandbox/limits.ts';
import { narrowRules, narrowWorkspace, type RunRules } from '../../../sandbox/narrowing.ts';
import { protectedObstacle } from '../../../sandbox/obstacles.ts';
import type { RunRequest } from '../../../sandbox/plan.ts';
import type { RunningCommand, Sandbox } from '../../../sandbox/runner.ts';
import { parseTier } from '../../../sandbox/tier.ts';
import { asciiJson } from '../../../text.ts';
import { parseDuration } from '../../../time.ts';
import { type Cli, configPath, openDesk, stateRoot } from '../../cli.ts';
import type { Exit } from '../../exits.ts';
import { openGateDesk } from '../../gate-desk.ts';
import { canAsk } from '../../prompt.ts';
import { groundWords } from '../approvals/words.ts';
import { failureJson, runJson, sayPlan, sayRun } from './answer.ts';
import { askOperator } from './ask.ts';

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

/** Run a command, report it, and end as it ended. */
export async function runCommand(cli: Cli, operands: readonly string[], options: ExecOptions): Promise<Exit> {
  const { world } = cli;
  const sandbox = await world.sandbox();
  if (options.report === '-') {
    throw new PalyraError('usage.invalid', '--report needs a file', {
      why: 'standard output is the command’s',
      hint: '--report ./-   is a file of that name',
    });
  }
  const isReported = options.report !== undefined && !cli.options.dryRun;
  const write = isReported ? sandbox.openReport(resolve(world.cwd, options.report ?? '')) : undefined;
  const stderr = listen(world.stderr);
  const run = await attempt(cli, write, async () => {
    if (!cli.options.dryRun) await finishLostRuns(cli, sandbox);
    const request = await requestFrom(cli, sandbox, operands, options);
    const desk = await openRunDesk(cli, sandbox, request, options, stderr.sink);
    return await runTool(desk, await callFrom(cli, desk, request, options));
  });
  if (options.stdin === true) world.stdin.destroy();
  if (cli.options.dryRun && run.plan !== undefined) sayPlan(cli, run.plan, run);
  if (run.execution !== undefined) write?.(`${asciiJson(runJson(run, run.execution))}\n`);
  const exit = sayRun(cli, run, stderr.said());
  if (run.failure !== undefined) throw run.failure;
  return exit;
}

/** What commands left whose palyra was killed is not taken for what was there before. */
async function finishLostRuns(cli: Cli, sandbox: Sandbox): Promise<void> {
  const runs = await cli.world.openRuns(stateRoot(cli));
  const lost = keptLostRuns(runs);
  if (lost.length === 0) return;
  const desk = await openDesk(cli);
  const finished = await finishRuns({ ...desk, acting: await whoActs(desk) }, { runs, sandbox }, lost);
  for (const { workspace, changes } of finished) {
    cli.output.warn(`a command in ${workspace} was cut off: palyra was killed while it ran`, 'look at what it left');
    for (const { what, hint } of (changes ?? []).map(protectedObstacle)) cli.output.warn(`${workspace}: ${what}`, hint);
  }
}

/** What is refused before there is a call is journaled and reported too. */
async function attempt(
  cli: Cli,
  write: ((text: string) => void) | undefined,
  work: () => Promise<ToolRun>,
): Promise<ToolRun> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    write?.(`${asciiJson(failureJson(error))}\n`);
    // what is wrong with the state has an error of its own, which must not hide this one
    if (/^(usage|input|sandbox)\./.test(error.code) && !cli.options.dryRun)
      await noteRefusal(cli, error).catch(() => {});
    throw error;
  }
}

async function noteRefusal(cli: Cli, error: PalyraError): Promise<void> {
  const desk = await openDesk(cli);
  const { actor } = await whoActs(desk);
  const payload = { reason_codes: [error.details?.reason_code ?? error.code] };
  await desk.store.transact([], () => ({
    answer: null,
    entries: [{ timeUnixMs: desk.clock(), actor, kind: 'exec.refuse', payload }],
  }));
}

/** Everything about the run that the options and the configuration say. */
async function requestFrom(
  cli: Cli,
  sandbox: Sandbox,
  operands: readonly string[],
  options: ExecOptions,
): Promise<RunRequest & { readonly asks: string | undefined }> {
  const { world } = cli;
  if (options.tty === true && !(world.stdin.isTTY && world.stdout.isTTY)) {
    throw new PalyraError('usage.terminal_needed', '--tty hands on the terminal, and there is none', {
      hint: '--stdin hands on standard input',
    });
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

async function openRunDesk(
  cli: Cli,
  sandbox: Sandbox,
  { tier }: RunRequest,
  options: ExecOptions,
  stderr: Writable,
): Promise<RunDesk> {
  const { world } = cli;
  const waitMs = options.wait === undefined ? undefined : parseDuration(options.wait, '--wait');
  // the machine first: what is asked of it is answered while Cedar starts
  const [machine, desk, { settings }] = await Promise.all([sandbox.machine(tier), openGateDesk(cli), cli.config()]);
  return {
    ...desk,
    sandbox,
    runs: await world.openRuns(stateRoot(cli)),
    machine,
    acting: await whoActs(desk),
    approvalTimeoutMs: settings.approvals.timeout_seconds * 1000,
    ask: (approval) => askOperator(cli, desk, approval, waitMs),
    // who is not asked is told why
    allowed: (authority) => {
      if (authority.ground.kind === 'grant') cli.output.note(`allowed by ${groundWords(authority)}`);
    },
    streams: {
      // opened only if it is read: it takes as long as a decision
      stdin: options.stdin === true ? world.stdin : new PassThrough(),
      stdout: world.stdout,
      stderr,
    },
    hooks: {
      umask: world.callerUmask,
      started: (running) => passSignals(cli, running, options.tty === true),
    },
  };
}

/** With a terminal of its own, the command hears the keys itself. */
function passSignals({ world }: Cli, running: RunningCommand, hasTerminal: boolean): void {
  world.onSignal((name) => {
    const typed = name === 'SIGINT' || name === 'SIGQUIT';
    if (!(hasTerminal && typed)) running.signal(name);
  });
}

async function callFrom(
  cli: Cli,
  { acting }: RunDesk,
  { asks, ...run }: RunRequest & { readonly asks: string | undefined },
  { session = '', run: runId = '', approval, env }: ExecOptions,
): Promise<ToolCall> {
  const { process_runner: runner } = (await cli.config()).settings.tool_call;
  const request = readRequest({
    principal: acting.principal,
    action: 'tool.execute',
    resource: 'tool:palyra.process.run',
    context: { tool_name: 'palyra.process.run', channel: 'cli', session_id: session, run_id: runId },
  });
  return {
    request,
    run,
    variables: namedVariables(run.environment, env),
    executables: runner.allowed_executables,
    interpreters: runner.allow_interpreters,
    approval,
    asks,
  };
}

/** Pass on what is written, and keep its end. */
function listen(stderr: Writable): { readonly sink: Writable; readonly said: () => string } {
  let last = Buffer.alloc(0);
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => {
    last = Buffer.concat([last, chunk]).subarray(-LAST_WORDS);
  });
  sink.pipe(stderr, { end: false });
  return { sink, said: () => last.toString('utf8') };
}

const LAST_WORDS = 8192;
