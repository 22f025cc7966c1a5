import { EXITS } from './exits.ts';

/** A page of help that belongs to no single command. */
export interface Topic {
  readonly name: string;
  readonly summary: string;
  readonly text: () => string;
}

export const TOPICS: readonly Topic[] = [
  { name: 'exit-codes', summary: 'what each exit code means', text: exitCodes },
  { name: 'json', summary: 'answers and errors for programs', text: json },
  { name: 'environment', summary: 'variables that palyra reads', text: environment },
  { name: 'files', summary: 'what is kept where', text: filesTopic },
  { name: 'security', summary: 'what palyra protects against, and what not', text: security },
];

function exitCodes(): string {
  const rows = Object.entries(EXITS).map(
    ([name, { code, when }]) => `  ${String(code).padStart(3)}  ${name.padEnd(18)} ${when}`,
  );
  return `The exit code is the answer for scripts, the same in every output format.

${rows.join('\n')}

exec ends with the command's own code; --report FILE tells ours from the command's.
A batch of checks exits with the gravest of its lines: 2, then 10, then 11, then 0.`;
}

function json(): string {
  return `--json prints one line of ASCII JSON on stdout: {"schema":"palyra.<noun>.<verb>/1", …}.
A list is {"schema","items":[…],"count"}. A stream (policy check --batch) is one object a line.
Times are Unix milliseconds in keys that end in _unix_ms.

An error is one object on stderr:
  {"schema":"palyra.error/1","error":{"code","message","why"?,"hint"?},"exit":{"code","name"}}
error.code is stable (input.invalid, store.busy, access.forbidden …); the words are not.

Without --json and without a terminal, lists are TSV: full values, TAB, LF, CR and backslash escaped.`;
}

function environment(): string {
  return `PALYRA_STATE_ROOT   where state is kept (--state-root)
PALYRA_CONFIG       your palyra.toml (--config)
PALYRA_PRINCIPAL    act for another principal (--as)
PALYRA_TOKEN        an API token: what it changes or asks for is its principal's; lists and shows do not look at it.
                    Taken out of the environment at start, refused if empty
PALYRA_A11Y         1: ask plain numbered questions, and draw nothing over
PALYRA_DEBUG        1: show where a bug happened
XDG_STATE_HOME, XDG_CONFIG_HOME, HOME     the defaults of the first two
NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM=dumb     colour, decided for stdout and stderr apart

A flag beats the environment, the environment the files.`;
}

function filesTopic(): string {
  return `~/.config/palyra/palyra.toml   your configuration; palyra init writes a commented one
./palyra.toml                  a project's: it may only narrow yours, and is told so where it does not
~/.local/state/palyra/         state, made by the first command that changes something (0700, files 0600):
  access_registry.json           flags, tokens (hashes only), teams, workspaces, members, invitations, shares
  journal/<first seq>.ndjson     what happened, a hash chain; checkpoint.json holds its head and the documents' digests
  approvals.json                 what waits for an answer or may still be claimed, and the grants in force
  payloads/<sha256>              the inputs that approvals are about, byte for byte
  tool-posture/registry.json     how tools are treated before policy
  rates.bin, lock                what tokens have used; one writer at a time
policies/                      in the package: baseline.cedar and palyra.cedarschema

palyra policy show --config    prints every effective value and where it came from.`;
}

function security(): string {
  return `Everything is denied unless a policy permits it, and every failure is a denial: a policy that does not parse, an
error in a forbid, an engine that traps, state that cannot be read.

Trusted: whoever can write your configuration and the state root. A project's palyra.toml is not trusted: it can only
take rights away. Requests, labels and reasons are not trusted: they are escaped before a terminal shows them.

Not held back: a process that runs uncontained as you. It can do what you can, approve included. Run agents inside
palyra exec, or as another uid.

.github/SECURITY.md in the source has the threat model and how to report a weakness.`;
}
