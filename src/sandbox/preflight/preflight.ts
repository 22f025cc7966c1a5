import type { EgressMode } from '../egress.ts';
import { type Host, type HostRules, howToAllow } from '../hosts.ts';
import type { Tier } from '../tier.ts';
import { isAllowed, type Reading, readAnywhere, readDialled, readRemote } from './destinations.ts';
import { readGit } from './git-command.ts';
import { type Item, readOptions } from './options.ts';
import { isBelow, isInside, pathOutside, type Scope } from './paths.ts';
import { isActiveVariable, isMultiCall, kindOf, LAUNCHERS, type Launcher } from './programs.ts';
import { interpreterRules, isScript, wordsOf } from './scripts.ts';
import { readSedScript } from './sed-script.ts';
import { type Tool, toolRules } from './tools.ts';

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
  if (names.some((name) => kindOf(name) === 'escalates')) {
    return refusal('preflight.escalation', `${program} leaves what contains it`, 'run the program itself');
  }
  const launcher = names.find((name) => kindOf(name) === 'launcher');
  if (launcher !== undefined) return unwrap(argv, start, LAUNCHERS[launcher] ?? { operands: 0 }, rules);
  return judgeExecutable(argv, start, names, rules) ?? judgeArguments(argv, start, names, rules);
}

/** The name it is called by and the name of the file that this is. */
function namesOf(program: string, { paths, cwd, searchPath }: CommandRules): string[] {
  const called = program.slice(program.lastIndexOf('/') + 1);
  const whole = program.startsWith('/') ? program : `${cwd}/${program}`;
  const real = program.includes('/')
    ? paths.realpathNearest(whole)
    : (paths.findProgram(program, searchPath) ?? program);
  const file = real.slice(real.lastIndexOf('/') + 1);
  // a multi-call binary is the program it is called by
  return isMultiCall(file) && !isMultiCall(called) ? [called] : [...new Set([called, file])];
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
  for (const item of own) {
    const refused = judgeItem(item, { name: argv[start] ?? '' }, rules);
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
  return judgeExecutable(argv, start, namesOf(argv[start] ?? '', rules), rules);
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
    item.kind === 'option' && /^(-I|-i|--replace)/.test(item.name) ? [item.value || '{}'] : [],
  );
  const inner = argv[at] ?? '';
  const isSafe =
    !replaced.some((text) => inner.includes(text)) && namesOf(inner, rules).every((name) => takesAnyArgument(name));
  if (isSafe) return undefined;
  const message = `xargs may give ${inner} options that run programs`;
  return refusal('preflight.runs_programs', message, 'give its arguments on the command line');
}

/** Whether a program runs no other, whatever it is given. What is no tool has a refusal of its own. */
function takesAnyArgument(name: string): boolean {
  if (kindOf(name) !== 'tool') return kindOf(name) !== 'launcher';
  const { refuses, refusesText, refusesCommands, acceptsCommands, startsPrograms } = toolRules(name);
  const rules = [refuses, refusesText, refusesCommands, acceptsCommands, startsPrograms];
  return name !== 'git' && rules.every((rule) => rule === undefined);
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
  const tool = interprets ? interpreterRules(name) : toolRules(name);
  const from = start + 1;
  const end = name.includes('find') ? findExecution(argv, from) : argv.length;
  const own = argv.slice(0, end);
  const refused = refusedWords(name, own.slice(from), tool);
  if (refused !== undefined) return refused;

  const items = readOptions(own, from, tool);
  const given = tool.instead?.split(' ') ?? [];
  const script = !items.some((item) => item.kind === 'option' && given.includes(item.name));
  const command = items.find((item) => item.kind === 'operand')?.value ?? '';
  if (!rules.interpreters && tool.startsPrograms?.test(command)) return runsAny(`${name} ${command}`);
  let operand = 0;
  for (const item of items) {
    const place = item.kind === 'operand' ? operand++ : 0;
    const refused = judgeItem(item, { tool, name, command, place, script, interprets }, rules);
    if (refused !== undefined) return refused;
    // what follows the host is for the other machine
    if (name === 'ssh' && item.kind === 'operand') break;
  }
  return end === argv.length ? undefined : judgeFindExecutions(argv, end, rules);
}

interface Position {
  readonly tool?: Tool;
  readonly name: string;
  /** the how-manieth operand */
  readonly place?: number;
  /** the first operand of all */
  readonly command?: string;
  /** the first operand is a pattern or script */
  readonly script?: boolean;
  /** it runs texts */
  readonly interprets?: boolean;
}

function judgeItem(item: Item, position: Position, rules: CommandRules): Refusal | undefined {
  if (item.kind === 'operand') return judgeOperand(item.value, position, rules);
  const { tool = {}, name, interprets = false } = position;
  if (item.use === 'refused') return runsPrograms(name, item.name);
  if (item.value === undefined) return undefined;
  if (interprets && (item.use === 'text' || isScript(item.value))) return judgeScript(item.value, rules);
  if ((name === 'ssh' || name === 'scp' || name === 'sftp') && item.name === '-o' && !SSH_SETTING.test(item.value)) {
    return runsPrograms(name, `-o ${item.value.split(/[=\s]/)[0]}`);
  }
  if (name === 'sed' && item.use === 'text') return judgeSed(item.value, rules);
  if (name === 'curl' && (item.name === '-H' || item.name === '--header')) return judgeHeader(item.value, rules);
  // `--data x` is sent as it stands, `--data @x` and `--data-urlencode name@x` are files
  if (item.use === 'text' || (name === 'curl' && CURL_DATA.test(item.name) && !/^[^=]*@/.test(item.value)))
    return undefined;
  if (ARCHIVES[name]?.includes(item.name)) return judgeRemote(item.value, tool, rules);
  if (item.use === 'dials' && !/^\.{0,2}\//.test(item.value)) return dial(readDialled(item.value), tool, rules);
  return judgeWord(item.value, rules);
}

function judgeOperand(value: string, position: Position, rules: CommandRules): Refusal | undefined {
  const { tool = {}, name, command = '', place = 0, script = false, interprets = false } = position;
  const isProgram = tool.operands === 'text-then-files' && place === 0 && script;
  if (interprets && (isProgram || isScript(value))) return judgeScript(value, rules);
  if (tool.operands === 'text') return undefined;
  if (isProgram) {
    return name.includes('sed') ? judgeSed(value, rules) : undefined;
  }
  if (name === 'dig' || toolRules(name) === toolRules('dig')) return judgeDig(value, tool, rules);
  if (tool === toolRules('psql') && /(^|\s)host(addr)?\s*=/.test(value)) return judgeConnection(value, tool, rules);
  if (
    tool === toolRules('npm') &&
    /^(i|in|ins|install|add)$/.test(command) &&
    HOSTED_PACKAGE.test(value) &&
    place > 0
  ) {
    return dial(readDialled(`${HOSTS_OF_PACKAGES[value.split(':')[0] ?? ''] ?? 'github.com'}`), tool, rules);
  }
  if (tool === toolRules('docker') && place > 0) return judgeImage(value, rules);
  const socat = name === 'socat' ? /^[\w-]+:(\[[^\]]*\]|[^:,]+):\w+/.exec(value)?.[1] : undefined;
  if (socat !== undefined) return dial(readDialled(socat), tool, rules);
  if (name === 'sftp' && readRemote(value).kind === 'none') return dial(readDialled(value), tool, rules);
  const dials = tool.operands === 'dials' || (tool.operands === 'dials-first' && place === 0);
  if (dials) {
    const outside = /^(\.{0,2}\/|~|file:)/i.test(value) ? pathRefusal(value, rules) : undefined;
    return outside ?? dial(readDialled(value), tool, rules);
  }
  if (tool.operands === 'remote') return judgeRemote(value, tool, rules);
  return judgeWord(value, rules);
}

/** Refusals that look at words rather than options: subcommands, texts in a tool's own language, bundles without dash. */
function refusedWords(name: string, words: readonly string[], tool: Tool): Refusal | undefined {
  const bad = words.find((word) => tool.refusesText?.test(word));
  if (bad !== undefined) return runsPrograms(name, bad);
  const first = words.find((word) => !word.startsWith('-'));
  if (first !== undefined && tool.refusesCommands?.test(first)) return runsPrograms(name, first);
  if (first !== undefined && tool.acceptsCommands?.test(first) === false) return runsPrograms(name, first);
  const [bundle = ''] = words;
  return tool === toolRules('tar') && /^[A-Za-z]*[IFP]/.test(bundle) ? runsPrograms(name, bundle) : undefined;
}

function judgeGit(argv: readonly string[], start: number, rules: CommandRules): Refusal | undefined {
  const git = readGit(argv, start + 1);
  if (git.refusal !== undefined) return refusal('preflight.runs_programs', git.refusal, 'leave the option out');
  for (const item of git.items) {
    const { value } = item;
    if (value === undefined || (item.kind === 'option' && item.use === 'text') || value.startsWith(':/')) continue;
    if (/^[a-z0-9+.-]+::/i.test(value)) return runsPrograms('git', value);
    const refused = git.remotes.includes(item) ? judgeRemote(value, GIT, rules) : judgeWord(value, rules);
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

function judgeDig(value: string, tool: Tool, rules: CommandRules): Refusal | undefined {
  if (/^\+|^-/.test(value) || DNS_WORD.test(value)) return undefined;
  return dial(readDialled(value.replace(/^@/, '')), tool, rules);
}

/** libpq's `host=… hostaddr=…` */
function judgeConnection(value: string, tool: Tool, rules: CommandRules): Refusal | undefined {
  for (const [, host = ''] of value.matchAll(/(?:^|\s)host(?:addr)?\s*=\s*'?([^'\s]*)/g)) {
    for (const one of host.split(',')) {
      const refused = one.startsWith('/') ? judgeWord(one, rules) : dial(readDialled(one), tool, rules);
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

function judgeRemote(value: string, tool: Tool, rules: CommandRules): Refusal | undefined {
  if (/^-|^[^/]*@-|:\/\/-/.test(value)) return runsPrograms('a host that begins with -', value);
  const reading = readRemote(value);
  return reading.kind === 'none' ? judgeWord(value, rules) : dial(reading, tool, rules);
}

/**
 * A text that an interpreter runs. What it does cannot be read off it for sure: in tier c files are left to the sandbox,
 * and hosts too where it enforces them. Tier b has nothing but this check.
 */
function judgeScript(script: string, rules: CommandRules): Refusal | undefined {
  if (rules.tier === 'c' && rules.egress === 'strict') return undefined;
  const judge = rules.tier === 'c' ? judgeHosts : judgeWord;
  for (const word of wordsOf(script)) {
    const refused = judge(word, rules);
    if (refused !== undefined) return refused;
  }
  return undefined;
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

function pathRefusal(value: string, scope: CommandRules): Refusal | undefined {
  const outside = pathOutside(value, scope);
  if (outside === undefined) return undefined;
  const hint = `work below ${scope.workspace}, or give another --workspace`;
  return refusal('preflight.path_outside_workspace', `${outside} is outside the workspace`, hint);
}

function dial(reading: Reading, tool: Tool, rules: CommandRules): Refusal | undefined {
  if (reading.kind === 'none' || rules.egress === 'none') return undefined;
  if (reading.kind === 'ambiguous') {
    const message = `a host that clients may read differently: ${reading.why}`;
    return refusal('preflight.host_ambiguous', message, 'write the host plainly: https://registry.example.org/path');
  }
  const { at, port } = reading;
  const written = nameOf(at, port ?? tool.port ?? null);
  if (isAllowed(rules.hosts, at, port, tool.port)) return undefined;
  return refusal('preflight.host_not_allowed', `${written} is not an allowed host`, howToAllow(written));
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
const SSH_SETTING =
  /^(BatchMode|ConnectTimeout|ConnectionAttempts|Port|User|Compression|ServerAlive(Interval|CountMax)|TCPKeepAlive|LogLevel|IdentitiesOnly|IdentityFile|PreferredAuthentications|(Password|Pubkey|KbdInteractive)Authentication|StrictHostKeyChecking|UserKnownHostsFile|NumberOfPasswordPrompts|RequestTTY|AddressFamily|Ciphers|MACs|KexAlgorithms|HostKeyAlgorithms)[=\s]/i;
const DNS_WORD =
  /^(a|aaaa|afsdb|any|axfr|caa|cdnskey|cds|cname|dname|dnskey|ds|hinfo|https|in|ixfr(=\d+)?|key|loc|mx|naptr|ns|nsec3?|nsec3param|ptr|rp|rrsig|soa|spf|srv|sshfp|svcb|tlsa|txt|uri|hs|type\d+)$/i;
const HOSTED_PACKAGE = /^((github|gitlab|bitbucket|gist):)?[\w-][\w.-]*\/[\w.-]+(#.*)?$/;
const HOSTS_OF_PACKAGES: Readonly<Record<string, string>> = {
  github: 'github.com',
  gitlab: 'gitlab.com',
  bitbucket: 'bitbucket.org',
  gist: 'gist.github.com',
};
