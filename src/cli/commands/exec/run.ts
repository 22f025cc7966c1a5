import { resolve } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { PalyraError } from '../../../errors.ts';
import { whoActs } from '../../../flows/act.ts';
import { keptLostRuns } from '../../../flows/lost-runs.ts';
import { noteRefusal } from '../../../flows/note-refusal.ts';
import { type RunDesk, runTool, type ToolCall, type ToolRun } from '../../../flows/run-tool.ts';
import { readRequest } from '../../../policy/request.ts';
import { namedVariables } from '../../../sandbox/environment.ts';
import type { Boundary, RunningCommand, Sandbox } from '../../../sandbox/runner.ts';
import { asciiJson } from '../../../text.ts';
import { parseDuration } from '../../../time.ts';
import { type Cli, openDesk, stateRoot } from '../../cli.ts';
import type { Exit } from '../../exits.ts';
import { openGateDesk } from '../../gate-desk.ts';
import { finishLostRuns, sayPutAside } from '../../lost-runs.ts';
import { groundWords } from '../approvals/words.ts';
import { failureJson, runJson, sayPlan, sayRun } from './answer.ts';
import { askOperator } from './ask.ts';
import { type AskedRun, type ExecOptions, readRun } from './request.ts';

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
    if (!cli.options.dryRun) await finishKeptRuns(cli);
    const asked = await readRun(cli, sandbox, operands, options);
    const opening = sandbox.open(asked.tier, asked);
    try {
      const desk = await openRunDesk(cli, sandbox, opening, options, stderr.sink);
      return await runTool(desk, await callFrom(cli, desk, asked, options));
    } finally {
      (await opening).close();
    }
  });
  if (options.stdin === true) world.stdin.destroy();
  if (cli.options.dryRun && run.plan !== undefined) sayPlan(cli, run.plan, run);
  if (run.execution !== undefined) write?.(`${asciiJson(runJson(run, run.execution))}\n`);
  const exit = sayRun(cli, run, stderr.said());
  if (run.failure !== undefined) throw run.failure;
  return exit;
}

/** What commands left whose palyra was killed is not taken for what was there before. */
async function finishKeptRuns(cli: Cli): Promise<void> {
  const { lost, unreadable } = keptLostRuns(await cli.world.openRuns(stateRoot(cli)));
  for (const id of unreadable) {
    const what = `what was kept of run …${id.slice(-6)} cannot be read: what its command makes is not told from what is yours`;
    cli.output.warn(what, 'palyra doctor');
  }
  for (const finished of await finishLostRuns(cli, lost)) {
    const { workspace } = finished;
    cli.output.warn(`a command in ${workspace} was cut off: palyra was killed while it ran`, 'look at what it left');
    sayPutAside(cli, finished);
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
      await journalRefusal(cli, error).catch(() => {});
    throw error;
  }
}

async function journalRefusal(cli: Cli, error: PalyraError): Promise<void> {
  await noteRefusal(await openDesk(cli), error);
}

async function openRunDesk(
  cli: Cli,
  { paths }: Pick<Sandbox, 'paths'>,
  opening: Promise<Boundary>,
  options: ExecOptions,
  stderr: Writable,
): Promise<RunDesk> {
  const { world } = cli;
  const waitMs = options.wait === undefined ? undefined : parseDuration(options.wait, '--wait');
  // what is started for the boundary gets ready while Cedar starts
  const [boundary, desk, { settings }] = await Promise.all([opening, openGateDesk(cli), cli.config()]);
  return {
    ...desk,
    paths,
    runs: await world.openRuns(stateRoot(cli)),
    boundary,
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
  { asks, ...run }: AskedRun,
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
  stderr.once('error', () => sink.destroy());
  return { sink, said: () => last.toString('utf8') };
}

const LAST_WORDS = 8192;
