import type { EgressMode } from '../egress.ts';
import { type Host, type HostRules, howToAllow } from '../hosts.ts';
import type { Tier } from '../tier.ts';
import { isAllowed, type NamedHost, type Reading, readAnywhere, readDialled, readRemote } from './destinations.ts';
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

/** Why a command is not run. `argument`: its index in argv, 0 is the program. Texts may hold what was given: escape them. */
export interface Refusal {
  readonly reasonCode: PreflightReason;
  readonly message: string;
  readonly argument: number;
  readonly hint: string;
}

/** `program`: the one that is run in the end, launchers unwrapped. `hosts`: all that the arguments name. */
export type Preflight =
  | { readonly ok: true; readonly program: string; readonly hosts: readonly NamedHost[] }
  | ({ readonly ok: false } & Refusal);

/**
 * Judge a command line by what its programs would make of it; nothing is rewritten. Advice against accidents and plain
 * attacks: what holds is the sandbox around it.
 */
export function preflight(argv: readonly [string, ...string[]], rules: CommandRules): Preflight {
  const hosts: NamedHost[] = [];
  let program = '';
  const ends: number[] = [0];
  for (let start = ends.pop(); start !== undefined; start = ends.pop()) {
    const judged = judgeProgram(argv, start, rules);
    if ('reasonCode' in judged) return { ok: false, ...judged };
    program = argv[start] ?? '';
    hosts.push(...judged.hosts);
    ends.push(...judged.inner);
    if (ends.length > MOST_PROGRAMS)
      return { ok: false, ...refusal('preflight.runs_programs', 'too many programs', start, '') };
  }
  return { ok: true, program, hosts: distinct(hosts) };
}

const MOST_PROGRAMS = 16;

interface Judged {
  readonly hosts: readonly NamedHost[];
  /** where in argv programs begin that this one runs */
  readonly inner: readonly number[];
}

function judgeProgram(argv: readonly string[], start: number, rules: CommandRules): Judged | Refusal {
  const names = namesOf(argv[start] ?? '', rules);
  if (argv[start]?.startsWith('-')) return runsPrograms('a launcher with', argv[start], start);
  if (names.some((name) => kindOf(name) === 'escalates')) {
    return refusal('preflight.escalation', `${argv[start]} leaves what contains it`, start, 'run the program itself');
  }
  const launcher = names.find((name) => kindOf(name) === 'launcher');
  if (launcher !== undefined) return unwrap(argv, start, LAUNCHERS[launcher] ?? { operands: 0 }, rules);
  const refused = judgeExecutable(argv, start, names, rules);
  if (refused !== undefined) return refused;
  return judgeArguments(argv, start, names, rules);
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
    return refusal('preflight.path_outside_workspace', `${program} is outside the workspace`, at, 'run it by its name');
  }
  const named = rules.executables.includes('*') || rules.executables.includes(program);
  if (!named && !(inSystem && rules.executables.includes(names[0] ?? ''))) {
    const hint = `add "${program}" to allowed_executables in [tool_call.process_runner]`;
    return refusal('preflight.executable_not_allowed', `${program} is not among the allowed executables`, at, hint);
  }
  const version = rest.length === 1 && /^--(version|help)$/.test(rest[0] ?? '');
  if (rules.interpreters || version || !names.some((name) => kindOf(name) === 'interpreter')) return undefined;
  return runsAny(program, at);
}

function runsAny(program: string, at: number): Refusal {
  const hint = 'set allow_interpreters = true in [tool_call.process_runner], or run the program it would start';
  return refusal('preflight.interpreter', `${program} runs any program that it is given`, at, hint);
}

const SYSTEM_FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/local/sbin'];

/** Find the program that a launcher runs, having judged what the launcher itself is given. */
function unwrap(argv: readonly string[], start: number, launcher: Launcher, rules: CommandRules): Judged | Refusal {
  const items = readOptions(argv, start + 1, launcher);
  const first = items.findIndex((item) => item.kind === 'operand');
  const own = first === -1 ? items : items.slice(0, first);
  for (const item of own) {
    const refused = judgeItem(argv, item, {}, rules);
    if ('reasonCode' in refused) return refused;
  }
  const operands = items.slice(first === -1 ? items.length : first).map((item) => item.index);
  let at = operands[0] ?? argv.length;
  if (launcher.assigns && argv[at] === '-') at += 1;
  for (; launcher.assigns && isAssignment(argv[at]); at++) {
    const [name = ''] = (argv[at] ?? '').split('=');
    if (isActiveVariable(name)) {
      const message = `${name} changes what programs run or reach`;
      return refusal('preflight.runs_programs', message, at, 'leave it unset');
    }
    const judged = judgeWord(argv[at] ?? '', at, rules);
    if ('reasonCode' in judged) return judged;
  }
  for (let n = 0; n < launcher.operands; n++, at++) {
    const outside = pathRefusal(argv[at] ?? '', at, rules);
    if (outside !== undefined) return outside;
  }
  if (at < argv.length) {
    const unseen = rules.interpreters ? undefined : unseenArguments(argv, start, at, own, rules);
    return unseen ?? { hosts: [], inner: [at] };
  }
  // alone it only prints (env, nice) or echoes (xargs): it is then a program like others
  return judgeExecutable(argv, start, namesOf(argv[start] ?? '', rules), rules) ?? { hosts: [], inner: [] };
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
  return refusal('preflight.runs_programs', message, at, 'give its arguments on the command line');
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
): Judged | Refusal {
  const hosts: NamedHost[] = [];
  const inner: number[] = [];
  for (const name of names) {
    const judged = judgeAs(name, argv, start, rules);
    if ('reasonCode' in judged) return judged;
    hosts.push(...judged.hosts);
    inner.push(...judged.inner);
  }
  return { hosts, inner: [...new Set(inner)] };
}

function judgeAs(name: string, argv: readonly string[], start: number, rules: CommandRules): Judged | Refusal {
  if (name === 'git') return judgeGit(argv, start, rules);
  const interprets = kindOf(name) === 'interpreter';
  const tool = interprets ? interpreterRules(name) : toolRules(name);
  const from = start + 1;
  const end = name.includes('find') ? findExecution(argv, from) : argv.length;
  const own = argv.slice(0, end);
  const refused = refusedWords(name, own, from, tool);
  if (refused !== undefined) return refused;

  const items = readOptions(own, from, tool);
  const given = tool.instead?.split(' ') ?? [];
  const script = !items.some((item) => item.kind === 'option' && given.includes(item.name));
  const command = items.find((item) => item.kind === 'operand')?.value ?? '';
  if (!rules.interpreters && tool.startsPrograms?.test(command)) return runsAny(`${name} ${command}`, start);
  let operand = 0;
  const hosts: NamedHost[] = [];
  for (const item of items) {
    const place = item.kind === 'operand' ? operand++ : 0;
    const judged = judgeItem(own, item, { tool, name, command, place, script, interprets }, rules);
    if ('reasonCode' in judged) return judged;
    hosts.push(...judged.hosts);
    // what follows the host is for the other machine
    if (name === 'ssh' && item.kind === 'operand') break;
  }
  return end === argv.length ? { hosts, inner: [] } : judgeFindExecutions(argv, end, hosts, rules);
}

interface Position {
  readonly tool?: Tool;
  readonly name?: string;
  /** the how-manieth operand */
  readonly place?: number;
  /** the first operand of all */
  readonly command?: string;
  /** the first operand is a pattern or script */
  readonly script?: boolean;
  /** it runs texts */
  readonly interprets?: boolean;
}

function judgeItem(argv: readonly string[], item: Item, position: Position, rules: CommandRules): Judged | Refusal {
  if (item.kind === 'operand') return judgeOperand(item.value, item.index, position, rules);
  const { tool = {}, name = argv[0] ?? '', interprets = false } = position;
  if (item.use === 'refused') return runsPrograms(name, item.name, item.index);
  if (item.value === undefined) return NOTHING;
  if (interprets && (item.use === 'text' || isScript(item.value)))
    return judgeScript(item.value, item.valueIndex, rules);
  if ((name === 'ssh' || name === 'scp' || name === 'sftp') && item.name === '-o' && !SSH_SETTING.test(item.value)) {
    return runsPrograms(name, `-o ${item.value.split(/[=\s]/)[0]}`, item.valueIndex);
  }
  if (name === 'sed' && item.use === 'text') return judgeSed(item.value, item.valueIndex, rules);
  if (name === 'curl' && (item.name === '-H' || item.name === '--header'))
    return judgeHeader(item.value, item.valueIndex, rules);
  // `--data x` is sent as it stands, `--data @x` and `--data-urlencode name@x` are files
  if (item.use === 'text' || (name === 'curl' && CURL_DATA.test(item.name) && !/^[^=]*@/.test(item.value)))
    return NOTHING;
  if (ARCHIVES[name]?.includes(item.name)) return judgeRemote(item.value, item.valueIndex, tool, rules);
  if (item.use === 'dials' && !/^\.{0,2}\//.test(item.value))
    return dial(readDialled(item.value), item.valueIndex, tool, rules);
  return judgeWord(item.value, item.valueIndex, rules);
}

function judgeOperand(value: string, index: number, position: Position, rules: CommandRules): Judged | Refusal {
  const { tool = {}, name = '', command = '', place = 0, script = false, interprets = false } = position;
  const isProgram = tool.operands === 'text-then-files' && place === 0 && script;
  if (interprets && (isProgram || isScript(value))) return judgeScript(value, index, rules);
  if (tool.operands === 'text') return NOTHING;
  if (isProgram) {
    return name.includes('sed') ? judgeSed(value, index, rules) : NOTHING;
  }
  if (name === 'dig' || toolRules(name) === toolRules('dig')) return judgeDig(value, index, tool, rules);
  if (tool === toolRules('psql') && /(^|\s)host(addr)?\s*=/.test(value))
    return judgeConnection(value, index, tool, rules);
  if (
    tool === toolRules('npm') &&
    /^(i|in|ins|install|add)$/.test(command) &&
    HOSTED_PACKAGE.test(value) &&
    place > 0
  ) {
    return dial(readDialled(`${HOSTS_OF_PACKAGES[value.split(':')[0] ?? ''] ?? 'github.com'}`), index, tool, rules);
  }
  if (tool === toolRules('docker') && place > 0) return judgeImage(value, index, rules);
  const socat = name === 'socat' ? /^[\w-]+:(\[[^\]]*\]|[^:,]+):\w+/.exec(value)?.[1] : undefined;
  if (socat !== undefined) return dial(readDialled(socat), index, tool, rules);
  if (name === 'sftp' && readRemote(value).kind === 'none') return dial(readDialled(value), index, tool, rules);
  const dials = tool.operands === 'dials' || (tool.operands === 'dials-first' && place === 0);
  if (dials) {
    const outside = /^(\.{0,2}\/|~|file:)/i.test(value) ? pathRefusal(value, index, rules) : undefined;
    return outside ?? dial(readDialled(value), index, tool, rules);
  }
  if (tool.operands === 'remote') return judgeRemote(value, index, tool, rules);
  return judgeWord(value, index, rules);
}

/** Refusals that look at words rather than options: subcommands, texts in a tool's own language, bundles without dash. */
function refusedWords(name: string, argv: readonly string[], from: number, tool: Tool): Refusal | undefined {
  const words = argv.slice(from);
  const bad = tool.refusesText === undefined ? -1 : words.findIndex((word) => tool.refusesText?.test(word));
  if (bad !== -1) return runsPrograms(name, words[bad] ?? '', from + bad);
  const firstWord = words.findIndex((word) => !word.startsWith('-'));
  const first = words[firstWord] ?? '';
  if (tool.refusesCommands?.test(first)) return runsPrograms(name, first, from + firstWord);
  if (firstWord !== -1 && tool.acceptsCommands !== undefined && !tool.acceptsCommands.test(first)) {
    return runsPrograms(name, first, from + firstWord);
  }
  if (tool === toolRules('tar') && /^[A-Za-z]*[IFP]/.test(words[0] ?? ''))
    return runsPrograms(name, words[0] ?? '', from);
  return undefined;
}

function judgeGit(argv: readonly string[], start: number, rules: CommandRules): Judged | Refusal {
  const git = readGit(argv, start + 1);
  if (git.refusal !== undefined) {
    return refusal('preflight.runs_programs', git.refusal.what, git.refusal.index, 'leave the option out');
  }
  const hosts: NamedHost[] = [];
  for (const item of git.items) {
    const value = item.value;
    const index = item.kind === 'operand' ? item.index : item.valueIndex;
    if (value === undefined || (item.kind === 'option' && item.use === 'text') || value.startsWith(':/')) continue;
    if (/^[a-z0-9+.-]+::/i.test(value)) return runsPrograms('git', value, index);
    const judged = git.remotes.includes(item) ? judgeRemote(value, index, GIT, rules) : judgeWord(value, index, rules);
    if ('reasonCode' in judged) return judged;
    hosts.push(...judged.hosts);
  }
  return { hosts, inner: [] };
}

const GIT: Tool = { operands: 'remote' };

function judgeSed(script: string, index: number, rules: CommandRules): Judged | Refusal {
  const sed = readSedScript(script);
  if (sed.runsCommands) return runsPrograms('sed', 'e', index);
  if (sed.unreadable)
    return refusal(
      'preflight.runs_programs',
      'this sed script cannot be read with certainty',
      index,
      'write it plainly',
    );
  const written = sed.writes.find((path) => !/^\/dev\/std(out|err)$/.test(path));
  if (written !== undefined) return runsPrograms('sed', `w ${written}`, index);
  for (const path of sed.reads) {
    const outside = pathRefusal(path, index, rules);
    if (outside !== undefined) return outside;
  }
  return NOTHING;
}

/** A Host header is whom the request is for, whatever the URL says; `@file` is a file. */
function judgeHeader(header: string, index: number, rules: CommandRules): Judged | Refusal {
  const host = /^(?:host|:authority)\s*:\s*(.*)$/i.exec(header)?.[1];
  if (host !== undefined) return dial(readDialled(host.trim()), index, {}, rules);
  return header.startsWith('@') ? judgeWord(header, index, rules) : NOTHING;
}

function judgeDig(value: string, index: number, tool: Tool, rules: CommandRules): Judged | Refusal {
  if (/^\+|^-/.test(value) || DNS_WORD.test(value)) return NOTHING;
  return dial(readDialled(value.replace(/^@/, '')), index, tool, rules);
}

/** libpq's `host=… hostaddr=…` */
function judgeConnection(value: string, index: number, tool: Tool, rules: CommandRules): Judged | Refusal {
  const hosts: NamedHost[] = [];
  for (const [, host = ''] of value.matchAll(/(?:^|\s)host(?:addr)?\s*=\s*'?([^'\s]*)/g)) {
    for (const one of host.split(',')) {
      const judged = one.startsWith('/') ? judgeWord(one, index, rules) : dial(readDialled(one), index, tool, rules);
      if ('reasonCode' in judged) return judged;
      hosts.push(...judged.hosts);
    }
  }
  return { hosts, inner: [] };
}

/** `registry.example.org/image:tag`: docker takes the first part for a host if it has a dot or a port. */
function judgeImage(value: string, index: number, rules: CommandRules): Judged | Refusal {
  const [first = '', ...rest] = value.split('/');
  if (rest.length > 0 && /[.:]|^localhost$/.test(first) && !/^[./]/.test(value) && !value.includes('://')) {
    return dial(readDialled(first), index, {}, rules);
  }
  return judgeWord(value, index, rules);
}

function judgeRemote(value: string, index: number, tool: Tool, rules: CommandRules): Judged | Refusal {
  if (/^-|^[^/]*@-|:\/\/-/.test(value)) return runsPrograms('a host that begins with -', value, index);
  const reading = readRemote(value);
  return reading.kind === 'none' ? judgeWord(value, index, rules) : dial(reading, index, tool, rules);
}

/**
 * A text that an interpreter runs. What it does cannot be read off it for sure: in tier c files are left to the sandbox,
 * and hosts too where it enforces them. Tier b has nothing but this check.
 */
function judgeScript(script: string, index: number, rules: CommandRules): Judged | Refusal {
  if (rules.tier === 'c' && rules.egress === 'strict') return NOTHING;
  const judge = rules.tier === 'c' ? judgeHosts : judgeWord;
  const hosts: NamedHost[] = [];
  for (const word of wordsOf(script)) {
    const judged = judge(word, index, rules);
    if ('reasonCode' in judged) return judged;
    hosts.push(...judged.hosts);
  }
  return { hosts, inner: [] };
}

/** An argument nothing more is known about: no path outside, no host that is not allowed. */
function judgeWord(value: string, index: number, rules: CommandRules): Judged | Refusal {
  const judged = judgeHosts(value, index, rules);
  return 'reasonCode' in judged ? judged : (pathRefusal(value, index, rules) ?? judged);
}

function judgeHosts(value: string, index: number, rules: CommandRules): Judged | Refusal {
  const hosts: NamedHost[] = [];
  for (const reading of readAnywhere(value)) {
    const judged = dial(reading, index, {}, rules);
    if ('reasonCode' in judged) return judged;
    hosts.push(...judged.hosts);
  }
  return { hosts, inner: [] };
}

function pathRefusal(value: string, index: number, scope: CommandRules): Refusal | undefined {
  const outside = pathOutside(value, scope);
  if (outside === undefined) return undefined;
  const hint = `work below ${scope.workspace}, or give another --workspace`;
  return refusal('preflight.path_outside_workspace', `${outside} is outside the workspace`, index, hint);
}

function dial(reading: Reading, index: number, tool: Tool, rules: CommandRules): Judged | Refusal {
  if (reading.kind === 'none' || rules.egress === 'none') return NOTHING;
  if (reading.kind === 'ambiguous') {
    const message = `a host that clients may read differently: ${reading.why}`;
    return refusal(
      'preflight.host_ambiguous',
      message,
      index,
      'write the host plainly: https://registry.example.org/path',
    );
  }
  const { at, port } = reading;
  const written = nameOf(at, port ?? tool.port ?? null);
  if (!isAllowed(rules.hosts, at, port, tool.port)) {
    return refusal('preflight.host_not_allowed', `${written} is not an allowed host`, index, howToAllow(written));
  }
  return { hosts: [{ host: at.host, port: port ?? tool.port ?? null }], inner: [] };
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
function judgeFindExecutions(
  argv: readonly string[],
  at: number,
  hosts: readonly NamedHost[],
  rules: CommandRules,
): Judged | Refusal {
  const length = argv.slice(at).findIndex((argument) => argument === ';' || argument === '+');
  const end = length === -1 ? argv.length : at + length;
  const inner = preflight([argv[at + 1] ?? '', ...argv.slice(at + 2, end)], rules);
  if (!inner.ok)
    return {
      reasonCode: inner.reasonCode,
      message: inner.message,
      argument: inner.argument + at + 1,
      hint: inner.hint,
    };
  const rest = judgeAs('find', argv, end, rules);
  return 'reasonCode' in rest ? rest : { hosts: [...hosts, ...inner.hosts, ...rest.hosts], inner: rest.inner };
}

function runsPrograms(name: string, what: string, index: number): Refusal {
  const message = `${name} ${what} runs programs or reads settings from elsewhere`;
  return refusal('preflight.runs_programs', message, index, 'leave it out');
}

function refusal(reasonCode: PreflightReason, message: string, argument: number, hint: string): Refusal {
  return { reasonCode, message, argument, hint };
}

function distinct(hosts: readonly NamedHost[]): NamedHost[] {
  return [...new Map(hosts.map((at) => [`${at.host} ${at.port}`, at])).values()];
}

const NOTHING: Judged = { hosts: [], inner: [] };

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
