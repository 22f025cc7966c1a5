import type { OptionRules } from './options.ts';

/** What a program is to the check, by its name without folder. */
export type ProgramKind = 'escalates' | 'interpreter' | 'launcher' | 'tool';

export function kindOf(name: string): ProgramKind {
  if (ESCALATES.test(name)) return 'escalates';
  if (Object.hasOwn(LAUNCHERS, name)) return 'launcher';
  return familyOf(name) === undefined ? 'tool' : 'interpreter';
}

/** The interpreter of which a name is a version, a flavour or a build: `perl` for `perl5.36-x86_64-linux-gnu`. */
export function familyOf(name: string): string | undefined {
  return tailsOf(name)
    .find((tail) => INTERPRETER.test(tail))
    ?.replace(INTERPRETER, '$1');
}

/** A name, and for a program of a cross toolchain (`x86_64-linux-gnu-gcc`) what it may be without the machine. */
export function tailsOf(name: string): string[] {
  if (!MACHINE.test(name)) return [name];
  return [name, ...[...name.matchAll(/-/g)].map(({ index }) => name.slice(index + 1))];
}

/** Whether one file is many programs, told apart by the name they are called by. */
export function isMultiCall(name: string): boolean {
  return /^(busybox|toybox|coreutils)$/.test(familyOf(name) ?? '');
}

/** Whether setting an environment variable runs programs, loads code or changes who is dialled. */
export function isActiveVariable(name: string): boolean {
  return ACTIVE_VARIABLE.test(name) && !HARMLESS_VARIABLE.test(name);
}

/**
 * Runs another program with the rest of its arguments. `operands`: how many of its own stand before that program. Its
 * options are listed whole: after one that is unknown, nobody can say which word is the program.
 */
export interface Launcher extends OptionRules {
  readonly operands: number;
  /** `NAME=value` before the program sets its environment, and a lone `-` empties it */
  readonly assigns?: true;
  /** without a program it starts a shell */
  readonly shell?: true;
}

// become somebody else, enter other namespaces, or run later and elsewhere
const ESCALATES =
  /^(sudo([-.]\w+)?|sudoedit|su|su-rs|run0|doas|pkexec|runuser|setpriv|capsh|chroot|unshare|nsenter|bwrap|firejail|proot|fakechroot|systemd-run|machinectl|at|batch|crontab|start-stop-daemon|dbus-run-session|gosu|su-exec|newgrp|sg|runcon|chpst|softlimit|dbus-launch|proxychains4?|torsocks|torify|ld-linux.*|ld-musl.*|ld\.so|ld-\d.*)$/;

// whole families: a version, a flavour or a multi-call binary is the same thing
const FAMILIES =
  '[a-z]*bash|sh|dash|[a-z]*ksh|yash|posh|elvish|nu|xonsh|[a-z]*zsh|ash|fish|osh|ysh|t?csh|bsd-csh|pwsh|powershell|busybox|toybox|coreutils|[gmno]?awk|original-awk|goawk|i?python|pypy|bpython|ptpython|micropython|circuitpython|graalpy|jython|hy|node|nodejs|deno|bun|bunx|ts-node(?:-esm|-script|-transpile-only)?|tsx|vite-node|zx|esno|perl|raku|rakudo|[jm]?ruby|truffleruby|irb|pry|php|php-cgi|php-fpm|phpdbg|luac?|luajit|luau|texlua|texluajit|fennel|janet|tcl|tclsh|jimsh|wish|expect|guile|gforth|racket|scheme|mit-scheme|chez|gosh|sbcl|clisp|ecl|ccl|R|Rscript|julia|octave|octave-cli|gnuplot|ghci|runghc|runhaskell|ocaml|utop|erl|escript|elixir|iex|jshell|jbang|groovy|groovysh|scala|scala-cli|kotlin|kotlinc|kscript|clojure|clj|bb|rust-script|nix-shell|osascript|m4|dc|ed|red|qjs|quickjs|gjs|njs|llrt|d8|js|rhino|mongo(?:sh)?|screen|tmux|script|gdb|gdb-multiarch|rust-gdb|lldb|rust-lldb|jdb|pdb|watch|watchexec|entr|parallel|rlwrap|hyperfine|run-parts|pee|vipe|gs|ghostscript|perf|lftp';
const MACHINES =
  'x86|i[3-6]86|amd64|x64|aarch64|arm[a-z0-9]*|riscv\\d*|ppc[a-z0-9]*|powerpc[a-z0-9]*|mips[a-z0-9]*|s390x?|sparc\\d*|loongarch\\d*|m68k|avr|wasm32';
const FLAVOURS =
  'static|dbg|debug|preview|alpha|beta|rc|pre|dev|git|nightly|stable|lts|real|exe|linux|darwin|apple|win|gnu[a-z]*|musl[a-z]*';
// no part can be read in two ways, or a long name would take for ever
const INTERPRETER = new RegExp(
  `^(${FAMILIES})(?:\\d+[a-z]*)?(?:[-._](?:\\d+[a-z]*|(?:${FLAVOURS})\\d*|${MACHINES}))*$`,
);
const MACHINE = new RegExp(`^(?:${MACHINES})[-_]`);

const ACTIVE_VARIABLE =
  /^(LD_|DYLD_|GIT_|BASH_|ENV$|IFS$|PATH$|SHELL|PROMPT_COMMAND$|PS4$|\w*EDITOR$|VISUAL$|\w*PAGER$|\w*BROWSER$|LESS|MORE$|MAN(OPT|PATH|ROFF)|GROFF_|NODE_|NPM_CONFIG_|PYTHON|PERL|RUBY|PHP|LUA_|JAVA_|_JAVA|JDK_|CLASSPATH$|RSYNC_|SSH_|TAR_OPTIONS$|MAKE|GNUMAKE|MFLAGS$|ZIPOPT$|UNZIP|GZIP$|XZ_|GREP_OPTIONS$|GCONV_PATH$|LOCPATH$|NLSPATH$|MALLOC_|GLIBC_|TERMINFO|TERMCAP$|INPUTRC$|VIM|EXINIT$|CURL_|WGET|PSQL|PG|MYSQL|DOCKER_|KUBECONFIG$|PIP_|UV_|CARGO_|RUSTC|RUSTFLAGS|GO(FLAGS|PROXY|ENV|TOOLCHAIN|EXE|ROOT|PATH|AUTH|VCS)|CGO_|RUSTUP_|CC$|CXX$|LD$|HOME$|XDG_|OPENSSL_|SSL|SSLKEYLOGFILE$|HOSTALIASES$|RES_OPTIONS$|RESOLV|LOCALDOMAIN$|((ALL|NO|HTTPS?|FTP|SOCKS|RSYNC)_)?PROXY$|PALYRA_|SUDO_|AWS_|COMSPEC$|TMPDIR$|ZDOTDIR$|FPATH$|SVN_|CVS_|HG(RCPATH|EDITOR)$|RSH$|FCEDIT$|RIPGREP_CONFIG_PATH$|FZF_|BAT_|AWK(LIB)?PATH$|TCLLIBPATH$|GUILE_|R_|JULIA_|CAML|OCAML|ERL_|ELIXIR_|GEM_|BUNDLE_|BUN_|DENO_|YARN_|COMPOSER_|(GRADLE|MAVEN|ANT|SBT|KOTLIN|SCALA)_OPTS$|QT_|GTK|GIO_|GST_|DBUS_|KRB5|DEBUGINFOD_|COMPILER_PATH$|LIBRARY_PATH$|GCC_|CMAKE_|PKG_CONFIG)/i;
const HARMLESS_VARIABLE =
  /^(GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL|DATE)|GIT_TERMINAL_PROMPT|GIT_OPTIONAL_LOCKS|GIT_MERGE_AUTOEDIT|NODE_ENV|NODE_DEBUG|NODE_NO_WARNINGS|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|PYTHONHASHSEED|PYTHONIOENCODING|PYTHONWARNINGS|PYTHONUTF8|CARGO_TERM_COLOR|CARGO_INCREMENTAL|PIP_NO_INPUT|PIP_DISABLE_PIP_VERSION_CHECK|UV_NO_PROGRESS|NODE_AUTH_TOKEN|CARGO_REGISTRY_TOKEN|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|(DEFAULT_)?REGION)|PG(USER|PASSWORD|DATABASE)|MYSQL_PWD|PHP_CS_FIXER_IGNORE_ENV)$/;

/** The names of `setarch`, and the machines that may be its first operand, which are launchers then. */
const PERSONALITIES =
  'setarch linux32 linux64 uname26 i386 i486 i586 i686 athlon x86_64 arm armh armhf armv6l armv7l armv8l arm64 aarch64 ppc ppc32 ppc64 ppc64le ppcle s390 s390x mips mips32 mips64 sparc sparc32 sparc32bash sparc64 parisc parisc32 parisc64 ia64 alpha loongarch64 riscv32 riscv64';
const PERSONALITY: Launcher = {
  operands: 0,
  shell: true,
  keeps:
    '-B -F -I -L -R -S -T -X -Z -3 -v --32bit --fdpic-funcptrs --short-inode --addr-compat-layout --addr-no-randomize --whole-seconds --sticky-timeouts --read-implies-exec --mmap-page-zero --3gb --4gb --uname-2.6 --verbose --list --show',
};
const TIMEOUT: Launcher = {
  operands: 1,
  takes: '-k --kill-after -s --signal',
  keeps: '-f -p -v --preserve-status --foreground --verbose',
};

export const NPX: Launcher = {
  operands: 0,
  shell: true,
  takes: '-p --package -w --workspace',
  keeps: '-y -q --yes --no --no-install --quiet --silent --offline --prefer-offline --prefer-online --workspaces',
  refuses:
    '-c --call --node-options --script-shell --shell --registry --userconfig --globalconfig --prefix -C -g --global --location --node-arg -n --npm',
};

export const LAUNCHERS: Readonly<Record<string, Launcher>> = {
  ...Object.fromEntries(PERSONALITIES.split(' ').map((name) => [name, PERSONALITY])),
  env: {
    operands: 0,
    assigns: true,
    keeps:
      '-i -0 -v --ignore-environment --null --debug --block-signal --default-signal --ignore-signal --list-signal-handling',
    takes: '-u --unset -C --chdir -a --argv0',
    refuses: '-S --split-string -P -L -U',
  },
  nice: { operands: 0, takes: '-n --adjustment', keeps: '-0 -1 -2 -3 -4 -5 -6 -7 -8 -9' },
  nohup: { operands: 0 },
  timeout: TIMEOUT,
  gtimeout: TIMEOUT,
  setsid: { operands: 0, keeps: '-c -f -w --ctty --fork --wait' },
  stdbuf: { operands: 0, takes: '-i -o -e --input --output --error' },
  ionice: {
    operands: 0,
    takes: '-c -n --class --classdata',
    keeps: '-t --ignore',
    refuses: '-p -P -u --pid --pgid --uid',
  },
  taskset: { operands: 1, keeps: '-a -c --all-tasks --cpu-list', refuses: '-p --pid' },
  chrt: {
    operands: 1,
    takes: '-T -P -D --sched-runtime --sched-period --sched-deadline',
    keeps:
      '-a -b -d -e -f -i -m -o -r -v -R --all-tasks --batch --deadline --ext --fifo --idle --max --other --rr --reset-on-fork --verbose',
    refuses: '-p --pid',
  },
  time: {
    operands: 0,
    takes: '-f -o --format --output',
    keeps: '-a -p -q -v -l -h --append --portability --quiet --verbose',
  },
  xargs: {
    operands: 0,
    glues: '-e -i -l',
    keeps:
      '-0 -o -p -r -t -x --null --eof --replace --max-lines --open-tty --interactive --no-run-if-empty --show-limits --verbose --exit',
    takes: '-a -L -n -P -s -R -S --arg-file --max-args --max-procs --max-chars --process-slot-var',
    text: '-d --delimiter -E -I -J',
  },
  command: { operands: 0, keeps: '-p -v -V' },
  exec: { operands: 0, takes: '-a', keeps: '-c -l' },
  strace: {
    operands: 0,
    takes: '-e -s -O -S -I -a -b -P -X -U --trace --signal --status --trace-path --string-limit --columns --detach-on',
    keeps:
      '-A -c -C -d -D -f -F -h -i -k -n -N -q -r -t -T -v -V -w -x -y -Y -z -Z --follow-forks --output-separately --summary --summary-only --summary-wall-clock --quiet --relative-timestamps --absolute-timestamps --timestamps --syscall-times --no-abbrev --strings-in-hex --decode-fds --decode-pids --successful-only --failed-only --seccomp-bpf --stack-traces',
    refuses: '-o --output -p --attach -E --env -u --user',
  },
  ltrace: {
    operands: 0,
    takes: '-e -s -a -A -n -w -x',
    keeps: '-b -c -C -f -i -L -r -S -t -T -V',
    refuses: '-o --output -p -F -l -D -u',
  },
  catchsegv: { operands: 0 },
  prlimit: {
    operands: 0,
    glues: '-c -d -e -f -i -l -m -n -q -r -s -t -u -v -x -y',
    keeps:
      '--core --data --nice --fsize --sigpending --memlock --rss --nofile --msgqueue --rtprio --stack --cpu --nproc --as --locks --rttime --noheadings --raw --verbose',
    takes: '-o --output',
    refuses: '-p --pid',
  },
  flock: {
    operands: 1,
    takes: '-w -E --wait --timeout --conflict-exit-code',
    keeps: '-s -x -e -u -n -o -F --shared --exclusive --unlock --nonblock --nb --close --no-fork --verbose',
    refuses: '-c --command',
  },
  unbuffer: { operands: 0, keeps: '-p' },
  chronic: { operands: 0, keeps: '-e -v' },
  eatmydata: { operands: 0 },
  fakeroot: { operands: 0, shell: true, keeps: '-u --unknown-is-real', refuses: '-l --lib -f --faked -i -s -b' },
  valgrind: { operands: 0, keeps: '-q -v -d --quiet --verbose', refuses: '--db-attach --db-command --log-socket' },
  sshpass: { operands: 0, takes: '-p -P', keeps: '-v', refuses: '-f -d -e' },
  faketime: { operands: 1, keeps: '-m --exclude-monotonic', refuses: '-f -p' },
  numactl: {
    operands: 0,
    takes: '-C -N -m -i -p -P -w --physcpubind --cpunodebind --membind --interleave --preferred',
    keeps: '-l -a --localalloc --all',
  },
  cpulimit: { operands: 0, takes: '-l -c --limit --cpu', keeps: '-f -i -m -q -v -z', refuses: '-p -e --pid --exe' },
  ifne: { operands: 0, keeps: '-n' },
  'ssh-agent': { operands: 0, takes: '-E -t -O', keeps: '-c -D -d -s', refuses: '-a -P -k' },
  'xvfb-run': {
    operands: 0,
    takes: '-n -e -f -p -w --server-num --error-file --auth-file --xauth-protocol --wait',
    keeps: '-a -l --auto-servernum --listen-tcp',
    refuses: '-s --server-args',
  },
  npx: NPX,
};
