import type { EgressMode } from '../egress.ts';
import { type Host, type HostRules, howToAllow } from '../hosts.ts';
import type { Tier } from '../tier.ts';
import { isAllowed, type Port, type Reading, readAnywhere, readDialled, readPort, readRemote } from './destinations.ts';
import { readGit } from './git-command.ts';
import { type Item, readOptions } from './options.ts';
import { isBelow, isInside, pathNamed, pathOutside, type Scope } from './paths.ts';
import { familyOf, isActiveVariable, isMultiCall, kindOf, LAUNCHERS, type Launcher, NPX } from './programs.ts';
import { interpreterRules, isScript, programsOf, wordsOf } from './scripts.ts';
import { readSedScript } from './sed-script.ts';
import { isKnownTool, type Tool, toolRules } from './tools.ts';

/** What the operator allows commands to be. */
export interface CommandRules extends Scope {
  /** the PATH that the command gets */
  readonly searchPath: string;
  /** names, or absolute paths; `*` is any */
  readonly executables: readonly string[];
  readonly interpreters: boolean;
  readonly tier: Tier;
  readonly egress: EgressMode;
  readonly hosts: HostRules;
}

export type PreflightReason =
  | 'preflight.executable_not_allowed'
  | 'preflight.escalation'
  | 'preflight.interpreter'
  | 'preflight.runs_programs'
  | 'preflight.path_outside_workspace'
  | 'preflight.host_not_allowed'
  | 'preflight.host_ambiguous';

/** Why a command is not run. Texts may hold what was given: escape them. */
export interface Refusal {
  readonly reasonCode: PreflightReason;
  readonly message: string;
  readonly hint: string;
}

export type Preflight = { readonly ok: true } | ({ readonly ok: false } & Refusal);

/**
 * Judge a command line by what its programs would make of it; nothing is rewritten. Advice against accidents and plain
 * attacks: what holds is the sandbox around it.
 */
export function preflight(argv: readonly [string, ...string[]], rules: CommandRules): Preflight {
  const refused = judgeProgram(argv, 0, rules);
  return refused === undefined ? { ok: true } : { ok: false, ...refused };
}

/** The program that begins at a place in argv, and those that it runs. */
function judgeProgram(argv: readonly string[], start: number, rules: CommandRules): Refusal | undefined {
  const program = argv[start] ?? '';
  const names = namesOf(program, rules);
  if (program.startsWith('-')) return runsPrograms('a launcher with', program);
  if (names.some((name) => kindOf(name) === 'escalates')) return escalates(program);
  const launcher = names.find((name) => kindOf(name) === 'launcher');
  if (launcher !== undefined) return unwrap(argv, start, LAUNCHERS[launcher] ?? { operands: 0 }, rules);
  return judgeExecutable(argv, start, names, rules) ?? judgeArguments(argv, start, names, rules);
}

function escalates(program: string): Refusal {
  return refusal('preflight.escalation', `${program} leaves what contains it`, 'run the program itself');
}

/** The name it is called by, and that of the file that this is, where it says more: a wrapper (`pg_wrapper`) does not. */
function namesOf(program: string, { paths, cwd, searchPath }: CommandRules): string[] {
  const called = program.slice(program.lastIndexOf('/') + 1);
  const whole = program.startsWith('/') ? program : `${cwd}/${program}`;
  const real = program.includes('/')
    ? paths.realpathNearest(whole)
    : (paths.findProgram(program, searchPath) ?? program);
  const file = real.slice(real.lastIndexOf('/') + 1);
  // a multi-call binary is the program it is called by
  if (isMultiCall(file) && !isMultiCall(called)) return [called];
  return file !== called && (kindOf(file) !== 'tool' || isKnownTool(file)) ? [called, file] : [called];
}

function judgeExecutable(
  argv: readonly string[],
  at: number,
  names: readonly string[],
  rules: CommandRules,
): Refusal | undefined {
  const [program = '', ...rest] = argv.slice(at);
  const inSystem = SYSTEM_FOLDERS.some((folder) => program === `${folder}/${names[0]}`);
  const real = rules.paths.realpathNearest(program.startsWith('/') ? program : `${rules.cwd}/${program}`);
  const isSystem = SYSTEM_FOLDERS.some((folder) => isBelow(real, folder));
  if (program.includes('/') && !isSystem && !isInside(program, rules) && !rules.executables.includes(program)) {
    return refusal('preflight.path_outside_workspace', `${program} is outside the workspace`, 'run it by its name');
  }
  const named = rules.executables.includes('*') || rules.executables.includes(program);
  if (!named && !(inSystem && rules.executables.includes(names[0] ?? ''))) {
    const hint = `add "${program}" to allowed_executables in [tool_call.process_runner]`;
    return refusal('preflight.executable_not_allowed', `${program} is not among the allowed executables`, hint);
  }
  const version = rest.length === 1 && /^--(version|help)$/.test(rest[0] ?? '');
  if (rules.interpreters || version || !names.some((name) => kindOf(name) === 'interpreter')) return undefined;
  return runsAny(program);
}

function runsAny(program: string): Refusal {
  const hint = 'set allow_interpreters = true in [tool_call.process_runner], or run the program it would start';
  return refusal('preflight.interpreter', `${program} runs any program that it is given`, hint);
}

const SYSTEM_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/sbin'];

/** Find the program that a launcher runs, having judged what the launcher itself is given. */
function unwrap(argv: readonly string[], start: number, launcher: Launcher, rules: CommandRules): Refusal | undefined {
  const items = readOptions(argv, start + 1, launcher);
  const first = items.find((item) => item.kind === 'operand');
  const own = first === undefined ? items : items.slice(0, items.indexOf(first));
  const name = argv[start] ?? '';
  for (const item of own) {
    if (item.kind === 'option' && item.use === 'unknown' && !isQuestion(item.name)) return unread(name, item.name);
    const refused = judgeItem(item, { name }, rules);
    if (refused !== undefined) return refused;
  }
  let at = first?.index ?? argv.length;
  if (launcher.assigns && argv[at] === '-') at += 1;
  for (; launcher.assigns && isAssignment(argv[at]); at++) {
    const [name = ''] = (argv[at] ?? '').split('=');
    if (isActiveVariable(name)) {
      const message = `${name} changes what programs run or reach`;
      return refusal('preflight.runs_programs', message, 'leave it unset');
    }
    const refused = judgeWord(argv[at] ?? '', rules);
    if (refused !== undefined) return refused;
  }
  for (let n = 0; n < launcher.operands; n++, at++) {
    const outside = pathRefusal(argv[at] ?? '', rules);
    if (outside !== undefined) return outside;
  }
  if (at < argv.length) {
    const unseen = rules.interpreters ? undefined : unseenArguments(argv, start, at, own, rules);
    return unseen ?? judgeProgram(argv, at, rules);
  }
  // alone it only prints (env, nice) or echoes (xargs): it is then a program like others
  const refused = judgeExecutable(argv, start, namesOf(name, rules), rules);
  const asks = own.some((item) => item.kind === 'option' && /^--(version|help|list|show)$/.test(item.name));
  return refused ?? (launcher.shell && !asks && !rules.interpreters ? runsAny(name) : undefined);
}

/** After an option that is not known, the next word may be its value or the program. */
function unread(name: string, option: string): Refusal {
  const message = `${name} ${option} is not known here, nor where the program begins`;
  return refusal('preflight.runs_programs', message, 'write options in full, and values with =');
}

function isQuestion(option: string): boolean {
  return /^--(version|help)$/.test(option);
}

/** xargs reads further arguments, or the program itself, from where no check sees them. */
function unseenArguments(
  argv: readonly string[],
  start: number,
  at: number,
  own: readonly Item[],
  rules: CommandRules,
): Refusal | undefined {
  if (!namesOf(argv[start] ?? '', rules).includes('xargs')) return undefined;
  const replaced = own.flatMap((item) =>
    item.kind === 'option' && /^(-I|-i|-J|--replace)/.test(item.name) ? [item.value || '{}'] : [],
  );
  const inner = argv[at] ?? '';
  const isSafe =
    !replaced.some((text) => inner.includes(text)) && namesOf(inner, rules).every((name) => takesAnyArgument(name));
  if (isSafe) return undefined;
  const message = `xargs may give ${inner} options that run programs`;
  return refusal('preflight.runs_programs', message, 'give its arguments on the command line');
}

/** Whether a program runs no other and dials nobody, whatever it is given. What is no tool has a refusal of its own. */
function takesAnyArgument(name: string): boolean {
  if (kindOf(name) !== 'tool') return kindOf(name) !== 'launcher';
  const { refuses, refusesText, refusesCommands, acceptsCommands, startsPrograms, operands } = toolRules(name);
  const rules = [refuses, refusesText, refusesCommands, acceptsCommands, startsPrograms];
  return name !== 'git' && rules.every((rule) => rule === undefined) && !/dial|host|remote/.test(operands ?? '');
}

function isAssignment(argument: string | undefined): boolean {
  return argument !== undefined && /^[^=/]*=/.test(argument);
}

function judgeArguments(
  argv: readonly string[],
  start: number,
  names: readonly string[],
  rules: CommandRules,
): Refusal | undefined {
  for (const name of names) {
    const refused = judgeAs(name, argv, start, rules);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function judgeAs(name: string, argv: readonly string[], start: number, rules: CommandRules): Refusal | undefined {
  if (name === 'git') return judgeGit(argv, start, rules);
  const interprets = kindOf(name) === 'interpreter';
  const table = interprets ? interpreterRules(name) : toolRules(name);
  const from = start + 1;
  const end = name.includes('find') ? findExecution(argv, from) : argv.length;
  const own = argv.slice(0, end);
  const all = readOptions(own, from, table);
  const items = isLike(name, 'ssh') ? withoutRemoteCommand(all) : all;
  const refused = refusedWords(name, own.slice(from), items, table);
  if (refused !== undefined) return refused;

  const tool = { ...table, given: portsApart(items, table) };
  const given = tool.instead?.split(' ') ?? [];
  const script = !items.some((item) => item.kind === 'option' && given.includes(item.name));
  const commands = commandsOf(items);
  const [command = ''] = commands;
  if (!rules.interpreters && commands.some((one) => tool.startsPrograms?.test(one)))
    return runsAny(`${name} ${command}`);
  const operands = items.filter((item) => item.kind === 'operand');
  const launch = operands.slice(0, commands.length).find(({ value }) => tool.launches?.test(value));
  for (const item of items) {
    const place = item.kind === 'operand' ? operands.indexOf(item) : 0;
    // npm reads its own options among those of the program too
    if (launch !== undefined && item.kind === 'operand' && item.index >= launch.index) continue;
    const refused = judgeItem(item, { tool, name, command, place, firsts: commands.length, script, interprets }, rules);
    if (refused !== undefined) return refused;
  }
  if (launch !== undefined) return unwrap(argv, launch.index, NPX, rules);
  return end === argv.length ? undefined : judgeFindExecutions(argv, end, rules);
}

function isLike(name: string, known: string): boolean {
  return toolRules(name) === toolRules(known);
}

/**
 * What ssh itself reads: it goes on after the host, up to the next word that is no option, unless `--` stood before the
 * host. The rest is for the other machine. Source: ssh.c of OpenSSH 9.
 */
function withoutRemoteCommand(items: readonly Item[]): readonly Item[] {
  const [host, command] = items.filter((item) => item.kind === 'operand');
  if (host === undefined || command === undefined) return items;
  return items.slice(0, items.indexOf(command));
}

/**
 * What may be the command of a tool, each with the operand after it: the first operand, and the next as well where the
 * one before may be the value of an option that nobody knows.
 */
function commandsOf(items: readonly Item[]): string[] {
  const operands = items.flatMap((item, at) => {
    if (item.kind !== 'operand') return [];
    const before = items[at - 1];
    const doubtful = before?.kind === 'option' && before.use === 'unknown';
    return [{ value: item.value, doubtful: doubtful || item.value.startsWith('+') }];
  });
  const certain = operands.findIndex(({ doubtful }) => !doubtful);
  return operands
    .slice(0, certain === -1 ? undefined : certain + 1)
    .map(({ value }, at) => (operands[at + 1] === undefined ? value : `${value} ${operands[at + 1]?.value}`));
}

/** Ports that are written apart from their host, without the one that the tool dials anyway. */
function portsApart(items: readonly Item[], tool: Tool): Port[] {
  const operands = items.flatMap((item) => (item.kind === 'operand' ? [item.value] : []));
  const options = items.flatMap((item) => {
    if (item.kind !== 'option' || item.value === undefined) return [];
    if (item.use === 'port') return item.value.split(',');
    return item.name === '-o' && tool.values !== undefined
      ? (/^Port[=\s]+(.*)$/is.exec(item.value)?.slice(1) ?? [])
      : [];
  });
  return [...options, ...(tool.operands === 'host-and-ports' ? operands.slice(1) : [])]
    .map(readPort)
    .filter((port) => port !== tool.port);
}

/** A tool, and the ports that its command line gives apart from the host. */
interface Dialling extends Tool {
  readonly given?: readonly Port[];
}

interface Position {
  readonly tool?: Dialling;
  readonly name: string;
  /** the how-manieth operand */
  readonly place?: number;
  /** how many of the operands may be the first */
  readonly firsts?: number;
  /** the first operand of all, and the next */
  readonly command?: string;
  /** the first operand is a pattern or script */
  readonly script?: boolean;
  /** it runs texts */
  readonly interprets?: boolean;
}

function judgeItem(item: Item, position: Position, rules: CommandRules): Refusal | undefined {
  if (item.kind === 'option' && item.use === 'refused') return runsPrograms(position.name, item.name);
  // alone, a dash is the standard input or output
  if (item.value === '-' || item.value === undefined) return undefined;
  if (item.kind === 'operand') return judgeOperand(item.value, position, rules);
  const { tool = {}, name, interprets = false } = position;
  if (interprets && (item.use === 'text' || isScript(item.value))) return judgeScript(item.value, name, rules);
  if (tool.values?.[item.name]?.test(item.value) === false) {
    return runsPrograms(name, `${item.name} ${item.value.split(/[=\s]/)[0]}`);
  }
  if (name === 'sed' && item.use === 'text') return judgeSed(item.value, rules);
  if (name === 'curl' && (item.name === '-H' || item.name === '--header')) return judgeHeader(item.value, rules);
  // `--data x` is sent as it stands, `--data @x` and `--data-urlencode name@x` are files
  if (item.use === 'text' || (name === 'curl' && CURL_DATA.test(item.name) && !/^[^=]*@/.test(item.value)))
    return undefined;
  if (tool.connects && CONNECTION.test(item.value)) return judgeConnection(item.value, tool, rules);
  if (ARCHIVES[name]?.includes(item.name)) return judgeRemote(item.value, tool, rules);
  if (item.use === 'dials' && !/^\.{0,2}\//.test(item.value)) return dial(readDialled(item.value), tool, rules);
  return judgeWord(item.value, rules);
}

function judgeOperand(value: string, position: Position, rules: CommandRules): Refusal | undefined {
  const { tool = {}, name, command = '', place = 0, firsts = 1, script = false, interprets = false } = position;
  const isProgram = tool.operands === 'text-then-files' && place === 0 && script;
  if (interprets && (isProgram || isScript(value))) return judgeScript(value, name, rules);
  if (tool.operands === 'text') return undefined;
  if (isProgram) {
    return name.includes('sed') ? judgeSed(value, rules) : undefined;
  }
  if (isLike(name, 'dig')) return judgeDig(value, tool, rules);
  if (tool.connects && CONNECTION.test(value)) return judgeConnection(value, tool, rules);
  if (isLike(name, 'npm') && INSTALLS.test(command) && HOSTED_PACKAGE.test(value) && place > 0) {
    return dial(readDialled(`${HOSTS_OF_PACKAGES[value.split(':')[0] ?? ''] ?? 'github.com'}`), tool, rules);
  }
  if (isLike(name, 'docker') && place > 0) return judgeImage(value, rules);
  const [, socatHost, socatPort = ''] = (name === 'socat' && SOCAT_ADDRESS.exec(value)) || [];
  if (socatHost !== undefined) return dial(readDialled(socatHost), { given: [readPort(socatPort)] }, rules);
  if (name === 'sftp' && readRemote(value).kind === 'none') return dial(readDialled(value), tool, rules);
  if (tool.operands === 'host-and-ports' && place >= firsts) return undefined;
  const dials =
    tool.operands === 'dials' || (/^(dials-first|host-and-ports)$/.test(tool.operands ?? '') && place < firsts);
  if (dials) {
    const outside = /^(\.{0,2}\/|~|file:)/i.test(value) ? pathRefusal(value, rules) : undefined;
    return outside ?? dial(readDialled(value), tool, rules);
  }
  if (tool.operands === 'remote') return judgeRemote(value, tool, rules);
  return judgeWord(value, rules);
}

/** Refusals that look at words rather than options: subcommands, texts in a tool's own language, bundles without dash. */
function refusedWords(name: string, words: readonly string[], items: readonly Item[], tool: Tool): Refusal | undefined {
  const bad = words.find((word) => tool.refusesText?.test(word));
  if (bad !== undefined) return runsPrograms(name, bad);
  const command = commandsOf(items).find(
    (one) => tool.refusesCommands?.test(one) || tool.acceptsCommands?.test(one) === false,
  );
  if (command !== undefined) return runsPrograms(name, command);
  const [bundle = ''] = words;
  return isLike(name, 'tar') && /^[A-Za-z]*[IFP]/.test(bundle) ? runsPrograms(name, bundle) : undefined;
}

function judgeGit(argv: readonly string[], start: number, rules: CommandRules): Refusal | undefined {
  const git = readGit(argv, start + 1);
  if (git.refusal !== undefined) return refusal('preflight.runs_programs', git.refusal, 'leave the option out');
  for (const item of git.items) {
    const { value } = item;
    if (value === undefined || (item.kind === 'option' && item.use === 'text') || value.startsWith(':/')) continue;
    if (/^[a-z0-9+.-]+::/i.test(value)) return runsPrograms('git', value);
    const isRemote = git.remotes.includes(item) || (item.kind === 'option' && item.use === 'dials');
    const refused = isRemote ? judgeRemote(value, GIT, rules) : judgeWord(value, rules);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

const GIT: Tool = { operands: 'remote' };

function judgeSed(script: string, rules: CommandRules): Refusal | undefined {
  const sed = readSedScript(script);
  if (sed.runsCommands) return runsPrograms('sed', 'e');
  if (sed.unreadable)
    return refusal('preflight.runs_programs', 'this sed script cannot be read with certainty', 'write it plainly');
  const written = sed.writes.find((path) => !/^\/dev\/std(out|err)$/.test(path));
  if (written !== undefined) return runsPrograms('sed', `w ${written}`);
  for (const path of sed.reads) {
    const outside = pathRefusal(path, rules);
    if (outside !== undefined) return outside;
  }
  return undefined;
}

/** A Host header is whom the request is for, whatever the URL says; `@file` is a file. */
function judgeHeader(header: string, rules: CommandRules): Refusal | undefined {
  const host = /^(?:host|:authority)\s*:\s*(.*)$/i.exec(header)?.[1];
  if (host !== undefined) return dial(readDialled(host.trim()), {}, rules);
  return header.startsWith('@') ? judgeWord(header, rules) : undefined;
}

function judgeDig(value: string, tool: Dialling, rules: CommandRules): Refusal | undefined {
  if (/^\+|^-/.test(value) || DNS_WORD.test(value)) return undefined;
  return dial(readDialled(value.replace(/^@/, '')), tool, rules);
}

/** libpq's `host=… hostaddr=… port=…` */
function judgeConnection(value: string, tool: Dialling, rules: CommandRules): Refusal | undefined {
  const ports = [...value.matchAll(/(?:^|\s)port\s*=\s*'?([^'\s]*)/g)].flatMap(([, list = '']) => list.split(','));
  const at = { ...tool, given: [...(tool.given ?? []), ...ports.map(readPort).filter((port) => port !== tool.port)] };
  for (const [, host = ''] of value.matchAll(/(?:^|\s)host(?:addr)?\s*=\s*'?([^'\s]*)/g)) {
    for (const one of host.split(',')) {
      const refused = one.startsWith('/') ? judgeWord(one, rules) : dial(readDialled(one), at, rules);
      if (refused !== undefined) return refused;
    }
  }
  return undefined;
}

/** `registry.example.org/image:tag`: docker takes the first part for a host if it has a dot or a port. */
function judgeImage(value: string, rules: CommandRules): Refusal | undefined {
  const [first = '', ...rest] = value.split('/');
  if (rest.length > 0 && /[.:]|^localhost$/.test(first) && !/^[./]/.test(value) && !value.includes('://')) {
    return dial(readDialled(first), {}, rules);
  }
  return judgeWord(value, rules);
}

function judgeRemote(value: string, tool: Dialling, rules: CommandRules): Refusal | undefined {
  if (/^-|^[^/]*@-|:\/\/-/.test(value)) return runsPrograms('a host that begins with -', value);
  const reading = readRemote(value);
  return reading.kind === 'none' ? judgeWord(value, rules) : dial(reading, tool, rules);
}

/**
 * A text that an interpreter runs. What it does cannot be read off it for sure: in tier c files are left to the sandbox,
 * and hosts too where it enforces them. Tier b has nothing but this check.
 */
function judgeScript(script: string, name: string, rules: CommandRules): Refusal | undefined {
  const isShell = /sh$/.test(familyOf(name) ?? '');
  const escalating = isShell ? programsOf(script).find((program) => kindOf(program) === 'escalates') : undefined;
  if (escalating !== undefined) return escalates(escalating);
  if (rules.tier === 'c' && rules.egress === 'strict') return undefined;
  for (const word of wordsOf(script)) {
    const refused = judgeHosts(word, rules) ?? (rules.tier === 'b' ? judgeScriptPath(word, isShell, rules) : undefined);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** A word that may be a pattern: `/error/`, `/` and `~` are paths to shells alone. */
function judgeScriptPath(word: string, isShell: boolean, rules: CommandRules): Refusal | undefined {
  if (/^(~|!?\/([^/]*\/)?)$/.test(word)) return isShell ? pathRefusal(word, rules) : undefined;
  return pathRefusal(word, rules, pathNamed);
}

/** An argument nothing more is known about: no path outside, no host that is not allowed. */
function judgeWord(value: string, rules: CommandRules): Refusal | undefined {
  return judgeHosts(value, rules) ?? pathRefusal(value, rules);
}

function judgeHosts(value: string, rules: CommandRules): Refusal | undefined {
  for (const reading of readAnywhere(value)) {
    const refused = dial(reading, {}, rules);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function pathRefusal(value: string, scope: CommandRules, find = pathOutside): Refusal | undefined {
  const outside = find(value, scope);
  if (outside === undefined) return undefined;
  const hint = `work below ${scope.workspace}, or give another --workspace`;
  return refusal('preflight.path_outside_workspace', `${outside} is outside the workspace`, hint);
}

function dial(reading: Reading, tool: Dialling, rules: CommandRules): Refusal | undefined {
  if (reading.kind === 'none' || rules.egress === 'none') return undefined;
  const { given = [] } = tool;
  if (reading.kind === 'ambiguous') return ambiguous(reading.why);
  if (given.includes('unreadable')) return ambiguous('a port that is not written as one number');
  const ports = reading.port === null && given.length > 0 ? given : [reading.port, ...given];
  for (const port of ports.filter((one) => one !== 'unreadable')) {
    if (isAllowed(rules.hosts, reading.at, port, tool.port)) continue;
    const written = nameOf(reading.at, port ?? tool.port ?? null);
    return refusal('preflight.host_not_allowed', `${written} is not an allowed host`, howToAllow(written));
  }
  return undefined;
}

function ambiguous(why: string): Refusal {
  const message = `a host that clients may read differently: ${why}`;
  return refusal('preflight.host_ambiguous', message, 'write the host plainly: https://registry.example.org/path');
}

function nameOf({ host }: Host, port: number | null): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === null || port === 80 || port === 443 ? name : `${name}:${port}`;
}

/** @returns where find's first -exec stands, or the end */
function findExecution(argv: readonly string[], from: number): number {
  const at = argv.findIndex((argument, index) => index >= from && EXECUTES.test(argument));
  return at === -1 ? argv.length : at;
}

const EXECUTES = /^-(exec|execdir|ok|okdir)$/;

/** Programs between `-exec` and `;` or `+`; what stands after is find's again. */
function judgeFindExecutions(argv: readonly string[], at: number, rules: CommandRules): Refusal | undefined {
  const length = argv.slice(at).findIndex((argument) => argument === ';' || argument === '+');
  const end = length === -1 ? argv.length : at + length;
  return judgeProgram(argv.slice(0, end), at + 1, rules) ?? judgeAs('find', argv, end, rules);
}

function runsPrograms(name: string, what: string): Refusal {
  const message = `${name} ${what} runs programs or reads settings from elsewhere`;
  return refusal('preflight.runs_programs', message, 'leave it out');
}

function refusal(reasonCode: PreflightReason, message: string, hint: string): Refusal {
  return { reasonCode, message, hint };
}

// options whose value is an archive, which `host:path` puts on another machine
const ARCHIVES: Readonly<Record<string, readonly string[]>> = { tar: ['-f', '--file'], cpio: ['-F', '-I', '-O'] };
const CURL_DATA = /^(-d|--data|--data-ascii|--data-binary|--data-raw|--data-urlencode|--json|--url-query)$/;
const CONNECTION = /(^|\s)host(addr)?\s*=/;
const SOCAT_ADDRESS = /^[\w-]+:(\[[^\]]*\]|[^:,]+):(\w+)/;
const INSTALLS = /^(i|in|ins\S*|isn\S*|add)( |$)/;
const DNS_WORD =
  /^(a|aaaa|afsdb|any|axfr|caa|cdnskey|cds|cname|dname|dnskey|ds|hinfo|https|in|ixfr(=\d+)?|key|loc|mx|naptr|ns|nsec3?|nsec3param|ptr|rp|rrsig|soa|spf|srv|sshfp|svcb|tlsa|txt|uri|hs|type\d+)$/i;
const HOSTED_PACKAGE = /^((github|gitlab|bitbucket|gist):)?[\w-][\w.-]*\/[\w.-]+(#.*)?$/;
const HOSTS_OF_PACKAGES: Readonly<Record<string, string>> = {
  github: 'github.com',
  gitlab: 'gitlab.com',
  bitbucket: 'bitbucket.org',
  gist: 'gist.github.com',
};
