import type { OptionRules } from './options.ts';

/** What a program is to the check, by its name without folder. */
export type ProgramKind = 'escalates' | 'interpreter' | 'launcher' | 'tool';

export function kindOf(name: string): ProgramKind {
  if (ESCALATES.test(name)) return 'escalates';
  if (Object.hasOwn(LAUNCHERS, name)) return 'launcher';
  return INTERPRETER.test(name) ? 'interpreter' : 'tool';
}

/** Whether one file is many programs, told apart by the name they are called by. */
export function isMultiCall(name: string): boolean {
  return /^(busybox|toybox|coreutils)(\.[a-z]+)?$/.test(name);
}

/** Whether setting an environment variable runs programs, loads code or changes who is dialled. */
export function isActiveVariable(name: string): boolean {
  return ACTIVE_VARIABLE.test(name) && !HARMLESS_VARIABLE.test(name);
}

/** Runs another program with the rest of its arguments. `operands`: how many of its own stand before that program. */
export interface Launcher extends OptionRules {
  readonly operands: number;
  /** `NAME=value` before the program sets its environment, and a lone `-` empties it */
  readonly assigns?: true;
}

// become somebody else, enter other namespaces, or run later and elsewhere
const ESCALATES =
  /^(sudo|sudoedit|su|doas|pkexec|runuser|setpriv|capsh|chroot|unshare|nsenter|bwrap|firejail|proot|fakechroot|systemd-run|machinectl|at|batch|crontab|start-stop-daemon|dbus-run-session|gosu|su-exec|newgrp|sg|runcon|chpst|softlimit|dbus-launch|proxychains4?|torsocks|torify|ld-linux.*|ld-musl.*|ld\.so|ld-\d.*)$/;

// whole families: a version, a flavour or a multi-call binary is the same thing
const INTERPRETER =
  /^(r?bash|sh|dash|r?ksh\d*|mksh|pdksh|oksh|yash|posh|elvish|nu|xonsh|r?zsh|ash|fish|t?csh|pwsh|powershell|busybox|toybox|[gmno]?awk|original-awk|goawk|python|pypy|ipython|node|nodejs|deno|bun|bunx|ts-node|tsx|perl|ruby|irb|jruby|php|php-cgi|php-fpm|phpdbg|luac?|luajit|texlua|tcl|tclsh|wish|expect|guile|gforth|racket|scheme|sbcl|clisp|ecl|R|Rscript|julia|octave|octave-cli|gnuplot|ghci|runghc|runhaskell|ocaml|erl|escript|elixir|iex|jshell|groovy|groovysh|scala|kotlin|kotlinc|clojure|clj|bb|osascript|m4|dc|ed|red|qjs|d8|js|mongo(sh)?|screen|tmux|script|gdb|lldb|jdb|pdb|watch|watchexec|entr|parallel|rlwrap|hyperfine|run-parts|pee|vipe|gs|ghostscript|perf|lftp)([-._]?[0-9][0-9.]*[a-z]*)?(\.exe)?$/;

const ACTIVE_VARIABLE =
  /^(LD_|DYLD_|GIT_|BASH_|ENV$|IFS$|PATH$|SHELL|PROMPT_COMMAND$|PS4$|EDITOR$|VISUAL$|([A-Z]*_)?PAGER$|BROWSER$|LESS|MORE$|MANOPT$|MANPATH$|NODE_|NPM_CONFIG_|PYTHON|PERL|RUBY|PHP|LUA_|JAVA_|_JAVA|JDK_|CLASSPATH$|RSYNC_|SSH_|TAR_OPTIONS$|MAKE|GNUMAKE|MFLAGS$|ZIPOPT$|UNZIP|GZIP$|XZ_|GREP_OPTIONS$|GCONV_PATH$|LOCPATH$|NLSPATH$|MALLOC_|GLIBC_|TERMINFO|TERMCAP$|INPUTRC$|VIM|EXINIT$|CURL_|WGET|PSQL|PG|MYSQL|DOCKER_|KUBECONFIG$|PIP_|UV_|CARGO_|RUSTC|RUSTFLAGS|GO(FLAGS|PROXY|ENV|TOOLCHAIN|EXE|ROOT|PATH|AUTH|VCS)|CGO_|RUSTUP_|CC$|CXX$|LD$|HOME$|XDG_|OPENSSL_|SSL|SSLKEYLOGFILE$|HOSTALIASES$|RES_OPTIONS$|RESOLV|LOCALDOMAIN$|((ALL|NO|HTTPS?|FTP|SOCKS|RSYNC)_)?PROXY$|PALYRA_|SUDO_|AWS_|COMSPEC$|TMPDIR$|ZDOTDIR$|FPATH$|SVN_|CVS_|HG(RCPATH|EDITOR)$|RSH$|FCEDIT$|RIPGREP_CONFIG_PATH$|FZF_|BAT_|AWK(LIB)?PATH$|TCLLIBPATH$|GUILE_|R_|JULIA_|CAML|OCAML|ERL_|ELIXIR_|GEM_|BUNDLE_|BUN_|DENO_|YARN_|COMPOSER_|(GRADLE|MAVEN|ANT|SBT|KOTLIN|SCALA)_OPTS$|QT_|GTK|GIO_|GST_|DBUS_|KRB5|DEBUGINFOD_|COMPILER_PATH$|LIBRARY_PATH$|GCC_|CMAKE_|PKG_CONFIG)/i;
const HARMLESS_VARIABLE =
  /^(GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)|GIT_TERMINAL_PROMPT|GIT_OPTIONAL_LOCKS|GIT_MERGE_AUTOEDIT|NODE_ENV|NODE_DEBUG|NODE_NO_WARNINGS|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|PYTHONHASHSEED|PYTHONIOENCODING|PYTHONWARNINGS|PYTHONUTF8|CARGO_TERM_COLOR|CARGO_INCREMENTAL|PIP_NO_INPUT|PIP_DISABLE_PIP_VERSION_CHECK|UV_NO_PROGRESS|NODE_AUTH_TOKEN|CARGO_REGISTRY_TOKEN|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|(DEFAULT_)?REGION)|PG(USER|PASSWORD|DATABASE)|MYSQL_PWD|PHP_CS_FIXER_IGNORE_ENV)$/;

export const LAUNCHERS: Readonly<Record<string, Launcher>> = {
  env: {
    operands: 0,
    assigns: true,
    takes: '-u --unset -C --chdir --block-signal --default-signal --ignore-signal',
    refuses: '-S --split-string -P',
  },
  nice: { operands: 0, takes: '-n --adjustment' },
  nohup: { operands: 0 },
  timeout: { operands: 1, takes: '-k --kill-after -s --signal' },
  gtimeout: { operands: 1, takes: '-k --kill-after -s --signal' },
  setsid: { operands: 0 },
  stdbuf: { operands: 0, takes: '-i -o -e --input --output --error' },
  ionice: { operands: 0, takes: '-c -n --class --classdata', refuses: '-p -P -u --pid --pgid --uid' },
  taskset: { operands: 1, refuses: '-p --pid' },
  chrt: { operands: 1, takes: '-T -P -D', refuses: '-p --pid' },
  time: { operands: 0, takes: '-f -o --format --output' },
  xargs: {
    operands: 0,
    takes:
      '-a -d -E -I -L -n -P -s --arg-file --delimiter --max-lines --max-args --max-procs --max-chars --process-slot-var',
    text: '-d --delimiter -E -I',
  },
  command: { operands: 0 },
  exec: { operands: 0, takes: '-a' },
  strace: { operands: 0, takes: '-e -E -s -u -O -S -I -a -b -P -X', refuses: '-o --output -p --attach' },
  ltrace: { operands: 0, takes: '-e -s -a -A -l -n -w -x', refuses: '-o --output -p -F' },
  catchsegv: { operands: 0 },
  setarch: { operands: 1 },
  linux32: { operands: 0 },
  linux64: { operands: 0 },
  prlimit: { operands: 0, refuses: '-p --pid' },
  flock: { operands: 1, takes: '-w -E --wait --timeout --conflict-exit-code', refuses: '-c --command' },
  unbuffer: { operands: 0 },
  chronic: { operands: 0 },
  eatmydata: { operands: 0 },
  fakeroot: { operands: 0, refuses: '-l --lib -f --faked -i -s -b' },
  valgrind: { operands: 0, refuses: '--db-attach --db-command --log-socket' },
  sshpass: { operands: 0, takes: '-p -P', refuses: '-f -d -e' },
  faketime: { operands: 1, takes: '-f' },
  numactl: { operands: 0, takes: '-C -N -m -i -p -l' },
  cpulimit: { operands: 0, takes: '-l -c', refuses: '-p -e --pid --exe' },
  ifne: { operands: 0 },
  'ssh-agent': { operands: 0, takes: '-E -t -O', refuses: '-a -P -k' },
  'xvfb-run': { operands: 0, takes: '-n -s -e -f -p -w', refuses: '-s --server-args' },
  npx: { operands: 0, takes: '-p --package', refuses: '-c --call --node-options --script-shell --shell --registry' },
};
