import type { OptionRules } from './options.ts';
import { tailsOf } from './programs.ts';

/** What a tool does with what it is given, as far as a check of its arguments must know. */
export interface Tool extends OptionRules {
  /**
   * `text`: never opened nor dialled. `text-then-files`: the first is a pattern or script, unless an option of `instead`
   * gave it. `dials`: hosts or URLs; `dials-first`: only the first; `host-and-ports`: a host, the rest are its ports.
   * `remote`: paths, or `host:path`. Default: files.
   */
  readonly operands?: 'text' | 'text-then-files' | 'dials' | 'dials-first' | 'host-and-ports' | 'remote';
  readonly instead?: string;
  /** commands (the first operand, a blank, the second) that run programs or reach beyond this tool's arguments */
  readonly refusesCommands?: RegExp;
  /** commands that run any program that follows: for who may run interpreters */
  readonly startsPrograms?: RegExp;
  /** the only commands that are accepted */
  readonly acceptsCommands?: RegExp;
  /** operands that a program follows, as after npx */
  readonly launches?: RegExp;
  /** how the values of some options have to begin */
  readonly values?: Readonly<Record<string, RegExp>>;
  /** texts that run programs wherever they stand, written as the tool's own language has them */
  readonly refusesText?: RegExp;
  /** takes libpq's `host=… port=…` for a database */
  readonly connects?: true;
  /** port that is dialled when none is written */
  readonly port?: number;
}

/** The rules for a tool, by its name without folder, version or machine. */
export function toolRules(name: string): Tool {
  for (const tail of tailsOf(name)) {
    const plain = tail.replace(/(?<=[a-z+])[-.]?[0-9][0-9.]*$/, '');
    for (const candidate of [tail, ALIASES[tail], plain, ALIASES[plain]]) {
      if (candidate !== undefined && Object.hasOwn(TOOLS, candidate)) return TOOLS[candidate] ?? UNKNOWN;
    }
  }
  return UNKNOWN;
}

/** Whether something is known of a tool of that name. */
export function isKnownTool(name: string): boolean {
  return name === 'git' || toolRules(name) !== UNKNOWN;
}

const UNKNOWN: Tool = {};

const ALIASES: Readonly<Record<string, string>> = {
  egrep: 'grep',
  fgrep: 'grep',
  zgrep: 'grep',
  gtar: 'tar',
  'c99-gcc': 'gcc',
  'c89-gcc': 'gcc',
  bsdtar: 'tar',
  gmake: 'make',
  remake: 'make',
  gsed: 'sed',
  gfind: 'find',
  vi: 'vim',
  ex: 'vim',
  view: 'vim',
  rvim: 'vim',
  nvim: 'vim',
  vimdiff: 'vim',
  gvim: 'vim',
  'vim.basic': 'vim',
  'vim.tiny': 'vim',
  fdfind: 'fd',
  batcat: 'bat',
  podman: 'docker',
  nerdctl: 'docker',
  cc: 'gcc',
  c89: 'gcc',
  c99: 'gcc',
  cpp: 'gcc',
  gfortran: 'gcc',
  'c++': 'gcc',
  'g++': 'gcc',
  clang: 'gcc',
  'clang++': 'gcc',
  ncat: 'nc',
  netcat: 'nc',
  'nc.openbsd': 'nc',
  'nc.traditional': 'nc',
  ping6: 'ping',
  tracepath: 'traceroute',
  traceroute6: 'traceroute',
  http: 'httpie',
  https: 'httpie',
  xh: 'httpie',
  wget2: 'wget',
  kdig: 'dig',
  drill: 'dig',
  delv: 'dig',
  nslookup: 'dig',
  host: 'dig',
  pg_dumpall: 'pg_dump',
  dropdb: 'pg_dump',
  vacuumdb: 'pg_dump',
  reindexdb: 'pg_dump',
  pg_restore: 'pg_dump',
  pg_isready: 'pg_dump',
  createdb: 'pg_dump',
  mariadb: 'mysql',
  mysqldump: 'mysql',
  gdiff3: 'diff3',
  ginstall: 'install',
  gojq: 'jq',
  jaq: 'jq',
  ranlib: 'strip',
  'gcc-ar': 'ar',
  'gcc-nm': 'strip',
  'gcc-ranlib': 'strip',
  nm: 'strip',
  objcopy: 'strip',
  objdump: 'strip',
  'ld.bfd': 'ld',
  'ld.gold': 'ld',
  lld: 'ld',
  cmake3: 'cmake',
  'ninja-build': 'ninja',
  pdflatex: 'latex',
  xelatex: 'latex',
  lualatex: 'latex',
  tex: 'latex',
  pdftex: 'latex',
  magick: 'convert',
  mogrify: 'convert',
  identify: 'convert',
  'apt-get': 'apt',
  'apt-cache': 'apt',
  mailx: 'mail',
  gradlew: 'gradle',
  mvnw: 'mvn',
  pyenv: 'rbenv',
  asdf: 'mise',
  mamba: 'conda',
  sftp: 'scp',
  autossh: 'ssh',
  'ssh-copy-id': 'ssh',
  pipx: 'pip',
  pnpm: 'npm',
  yarn: 'npm',
  yarnpkg: 'npm',
  elinks: 'lynx',
  links: 'lynx',
  w3m: 'lynx',
  emacsclient: 'emacs',
  gpg2: 'gpg',
  most: 'less',
  more: 'less',
  zless: 'less',
  'docker-compose': 'docker',
};

const CURL_VALUES =
  '-C --continue-at -D --dump-header -E --cert --cacert --capath --cert-type --ciphers --tls13-ciphers --connect-timeout -m --max-time --max-filesize --max-redirs --limit-rate -o --output --output-dir --retry --retry-delay --retry-max-time --speed-limit --speed-time -Y -y -z --time-cond --key --key-type --pass --pinnedpubkey --crlfile --curves --delegation --keepalive-time --local-port -P --ftp-port --proto --proto-default --proto-redir -Q --quote --range -r --rate --request-target --stderr -t --telnet-option --tls-max --trace --trace-ascii -T --upload-file -b --cookie -c --cookie-jar -d --data --data-ascii --data-binary --data-raw --data-urlencode --url-query --json --create-file-mode --expect100-timeout --happy-eyeballs-timeout-ms --hsts --alt-svc --etag-compare --etag-save --netrc-file --login-options --ftp-method --ftp-account --hostpubmd5 --hostpubsha256 --pubkey --parallel-max --service-name --sasl-authzid --krb --egd-file --random-file -w --write-out --variable --mail-auth --aws-sigv4 --ftp-alternative-to-user --ftp-ssl-ccc-mode --tftp-blksize --tlsauthtype --tlspassword --tlsuser';

const SSH_SETTINGS = {
  '-o': /^(BatchMode|ConnectTimeout|ConnectionAttempts|Port|User|Compression|ServerAlive(Interval|CountMax)|TCPKeepAlive|LogLevel|IdentitiesOnly|IdentityFile|PreferredAuthentications|(Password|Pubkey|KbdInteractive)Authentication|StrictHostKeyChecking|UserKnownHostsFile|NumberOfPasswordPrompts|RequestTTY|AddressFamily|Ciphers|MACs|KexAlgorithms|HostKeyAlgorithms)[=\s]/i,
};
// patterns, and not what reads rules from a file
const RSYNC_RULE = /^(([-+HSPR!]|exclude|include|hide|show|protect|risk|clear)\b|[-+!])/;
// settings of Java, and of what builds with it, that run programs, load code or change who is dialled
const JVM_SETTING =
  /^((-D|--define=?|--system-prop=?)\s*|(?=[\w.-]+=))(org\.gradle\.|systemProp\.|javax?\.|jdk\.|sun\.|user\.|https?\.|ftp\.|socks|maven\.ext\.|exec\.)/;
// what rustc is given for the linker, and code that it loads
const RUSTC_SETTING = /^@|(^|^-[CZ]\s*|^--codegen=)(linker|(pre-)?link-args?|llvm-args|llvm-plugins|codegen-backend)=/;

const TOOLS: Readonly<Record<string, Tool>> = {
  // nothing of what these are given is opened or dialled
  echo: { operands: 'text' },
  printf: { operands: 'text' },
  expr: { operands: 'text' },
  seq: { operands: 'text' },
  tr: { operands: 'text' },
  basename: { operands: 'text' },
  dirname: { operands: 'text' },
  true: { operands: 'text' },
  false: { operands: 'text' },
  sleep: { operands: 'text' },
  which: { operands: 'text' },

  grep: {
    operands: 'text-then-files',
    instead: '-e -f --regexp --file',
    keeps: '--color --colour',
    text: '-e --regexp --include --exclude --exclude-dir --label',
    takes: '-f --file -A -B -C -m -d -D --max-count --after-context --before-context --context --exclude-from',
  },
  rg: {
    operands: 'text-then-files',
    instead: '-e -f --regexp --file --files',
    refuses: '--pre --pre-glob --hostname-bin --search-zip -z',
    text: '-e --regexp -g --glob --iglob -r --replace -t --type -T --type-not --type-add',
    takes: '-f --file -A -B -C -m -j -M -E -d --ignore-file --max-depth --sort --sortr --context --max-count',
  },
  ag: { operands: 'text-then-files', refuses: '--pager', takes: '-A -B -C -m', text: '-G --ignore' },
  ack: { operands: 'text-then-files', refuses: '--pager --ackrc', takes: '-A -B -C -m' },
  jq: {
    operands: 'text-then-files',
    instead: '-f --from-file',
    text: '--arg --argjson --indent',
    takes: '-f --from-file -L --slurpfile --rawfile --argfile',
    keeps: '--slurp',
    names: '--arg --argjson --slurpfile --rawfile --argfile',
  },
  yq: {
    operands: 'text-then-files',
    refuses: '--from-file',
    text: '--arg --argjson --indent',
    takes: '--slurpfile --rawfile',
    names: '--arg --argjson --slurpfile --rawfile',
  },
  sed: {
    operands: 'text-then-files',
    instead: '-e -f --expression --file',
    refuses: '-f --file',
    text: '-e --expression',
    takes: '-l --line-length',
  },
  cut: { text: '-d --delimiter --output-delimiter -f --fields -c -b' },
  paste: { text: '-d --delimiters' },
  column: { text: '-s --separator -o --output-separator -N -t' },
  date: { text: '-d --date', takes: '-f --file -r --reference -s --set' },
  test: {},
  sort: {
    refuses: '--compress-program --files0-from',
    text: '-t --field-separator -k --key',
    takes: '-o --output -S --buffer-size -T --temporary-directory --parallel --batch-size',
  },
  split: { refuses: '--filter', takes: '-a -b -C -l -n -t' },
  diff: { text: '-F -I --label --ignore-matching-lines', takes: '-U -C -W -x -X' },
  diff3: { refuses: '--diff-program' },
  sdiff: { refuses: '--diff-program -o --output' },
  install: { refuses: '--strip-program', takes: '-g -m -o -S -t --group --mode --owner --suffix --target-directory' },
  strip: { refuses: '--plugin', takes: '-o -O -I -F -N -K -R' },
  ar: { refuses: '--plugin' },
  ld: { refuses: '-plugin --plugin -dynamic-linker --dynamic-linker', takes: '-o -L -l -T -m' },
  patch: { refuses: '-e --ed', takes: '-p -i -d -o -r -F -B -D' },

  find: {
    refuses: '-delete -files0-from',
    text: '-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -printf -perm -size -type -mtime -mmin -user -group',
    takes: '-newer -anewer -cnewer -samefile -fprint -fprint0 -fls -fprintf -maxdepth -mindepth',
  },
  fd: {
    operands: 'text-then-files',
    refuses: '-x --exec -X --exec-batch',
    text: '-e --extension -E --exclude -g',
    takes: '-d --max-depth -t --type -c --color -S --size --base-directory --search-path --ignore-file -j --threads',
  },
  tar: {
    operands: 'remote',
    refuses:
      '-I --use-compress-program --to-command --checkpoint-action -F --info-script --new-volume-script --rsh-command --rmt-command -P --absolute-names',
    keeps: '--checkpoint --to-stdout',
    takes:
      '-f --file -C --directory -b -g -H -K -L -N -T -V -X --files-from --exclude-from --strip-components --format --mode --mtime --owner --group --listed-incremental --starting-file --newer --tape-length --blocking-factor --record-size --level --suffix --warning',
    text: '--exclude --transform --xform --wildcards-match',
  },
  cpio: { operands: 'remote', refuses: '--rsh-command', takes: '-F -I -O -E -C -D -H -R -M' },
  zip: { refuses: '--unzip-command', refusesText: /^-[A-Za-z]*TT/, takes: '-b -t -tt -n -x -i -s -P', keeps: '--test' },
  '7z': {},
  make: {
    refuses: '-f --file --makefile --eval -E -I --include-dir',
    keeps: '--environment-overrides --jobs --load-average',
    glues: '-j -l -O',
    takes: '-C --directory -o -W --old-file --new-file --assume-old --assume-new --what-if',
    // `$(shell …)`, and functions by whatever name; `X!=…` runs what follows
    refusesText: /^(SHELL|\.SHELLFLAGS|MAKEFLAGS|GNUMAKEFLAGS|MAKEFILES|MAKE)\s*[:?+!]*=|^[^=]*!=|\$[({]/,
  },
  gcc: {
    refuses: '-B -wrapper -specs -fplugin -fuse-ld -Xlinker',
    glues: '-W -f -m -O -g',
    takes: '-o -I -L -l -isystem -include -x -D -U -MF -MT -T',
    refusesText: /^@|^(-wrapper|--?specs|-fplugin|-fuse-ld)|^-W[alp],(.*,)?(-*plugin|@)/,
  },
  go: {
    words: true,
    refuses: '-exec -toolexec -vettool -overlay -modfile -gccgoflags -w',
    takes: '-C -o -p -parallel -count -timeout -pkgdir -coverprofile -cpuprofile -memprofile',
    text: '-ldflags -gcflags -asmflags -tags -run -skip -bench -coverpkg',
    // what the linker is to run, and with what
    refusesText: /(^|[\s'"=])-{1,2}extld/,
    refusesCommands: /^(generate|run|tool)( |$)/,
  },
  cargo: {
    refuses: '--config -Z',
    refusesCommands: /^(run|r)( |$)/,
    takes: '--manifest-path --target-dir --color -C -p --package --features --target --profile -j --jobs',
    refusesText: RUSTC_SETTING,
  },
  rustc: { refuses: '--codegen', refusesText: RUSTC_SETTING, takes: '-C -o -L -l' },
  cmake: {
    refuses: '-P -C -E --build-and-test --toolchain --debugger --find-package --preset --workflow',
    keeps: '--build --parallel --target --config --clean-first --install --prefix',
    glues: '-j',
    takes: '-S -B -G -A -T -D --target --config --prefix',
    refusesText:
      // a switch is no program, whatever it is called
      /^(-D)?\w*(COMPILER|LAUNCHER|LINKER|TOOLCHAIN|INCLUDE(?!DIR)|COMMAND|EMULATOR|PROGRAM|EXECUTABLE|_TOOL)\w*(:\w+)?=(?!(on|off|true|false|yes|no|[yn01])$)/i,
  },
  ctest: {
    refuses: '-S -SP -T -M --script --script-new-process --dashboard --build-and-test',
    glues: '-j',
    takes: '-C -R -E -L -LE -I',
  },
  ninja: { refuses: '-f -t', takes: '-C -j -k -l -d -w' },
  meson: { refuses: '--native-file --cross-file' },
  bazel: { refuses: '--bazelrc --run_under --override_repository', refusesCommands: /^run( |$)/ },
  latex: { refusesText: /^--?(shell-e|enable-w|cnf-l|pipe|luadebug)/ },
  latexmk: { refusesText: /^-{1,2}(e|r|shell-e|enable-w|(pdf|lua|xe|dvi)*latex=|usepretex)/ },
  convert: { refusesText: /^(msl|mvg|ephemeral|show|win|x|scan):|^\|/i },
  apt: { refuses: '-o --option -c --config-file' },
  dpkg: { refuses: '--pre-invoke --post-invoke --status-logger' },
  rpm: { refuses: '-E --eval -D --define --pipe --macros --rcfile --load' },
  mail: { refuses: '-S --exec' },
  uv: {
    refuses: '--config-file --python -p',
    dials: '--index-url --default-index',
    startsPrograms: /^(run|tool|x)( |$)/,
  },
  poetry: { startsPrograms: /^(run|shell)( |$)/ },
  pipenv: { startsPrograms: /^(run|shell)( |$)/ },
  conda: { startsPrograms: /^run( |$)/ },
  rbenv: { startsPrograms: /^(exec|shell)( |$)/ },
  direnv: { startsPrograms: /^exec( |$)/ },
  mise: { startsPrograms: /^(exec|x|run|r|watch|w)( |$)/ },
  nix: { startsPrograms: /^(run|develop|shell|repl|eval)( |$)/ },
  tcc: { refuses: '-run -B', refusesText: /^@/ },
  ctags: { refuses: '--options --options-maybe' },

  npm: {
    refuses:
      '-c --call --script-shell --shell --userconfig --globalconfig --init-module --node-options --git --editor --viewer --browser --proxy --https-proxy --noproxy --http-proxy --use-node-version --config.script-shell -g --global --location',
    keeps: '--no-audit --no-fund --git-tag-version --save',
    dials: '--registry --replace-registry-host',
    takes: '-w --workspace --prefix --cache --loglevel --tag -C --cwd -p --package --scope',
    text: '-m --message --otp --author --init-author-name --init-author-email',
    // beginnings are commands too; `init` of something runs it
    refusesCommands: /^((explo|ed|dlx|cr)\S*|set)( |$)|^in[in]\S* ./,
    launches: /^(exec?|x)$/,
    refusesText:
      /^(script-shell|shell|editor|viewer|git|node-options|https?-proxy|proxy|userconfig|globalconfig)(=|$)/i,
  },
  pip: {
    refuses:
      '--proxy --global-option --install-option --config-settings -C --build-option --python --trusted-host --use-feature --keyring-provider',
    dials: '-i --index-url --extra-index-url -f --find-links --index --pypi-url',
    takes:
      '-r --requirement -c --constraint -t --target --prefix --root --src -e --editable --cache-dir --cert --client-cert --log --timeout --retries --exists-action -b --build --platform --python-version --no-binary --only-binary --report -d --dest -w --wheel-dir --format',
    refusesCommands: /^(config|run|runpip)( |$)/,
  },
  gem: { refuses: '--config-file -p --http-proxy', dials: '-s --source', refusesCommands: /^(exec|open|server)( |$)/ },
  docker: {
    acceptsCommands:
      /^(ps|images?|logs|inspect|build|pull|push|tag|version|info|stats|top|port|history|search|diff|events|df)( |$)|^(container|volume|network) (ls|list|inspect|logs|top|port|stats|diff)$|^compose (ps|ls|logs|images|top|port|version|stats|events)$|^system (df|info)$/,
    refuses:
      '-H --host --context --config -v --volume --volumes-from --mount --privileged --cap-add --device --pid --ipc --userns --uts --network --net --security-opt --add-host --tlscacert --tlskey --ssh --secret --output -o --cgroup-parent',
    keeps: '-D --debug -a --all -q --quiet --no-trunc --no-cache --rm -t',
    takes:
      '-f --file -p --project-name --project-directory --log-level -n --tail --since --until --platform --progress --target --cache-from --cache-to',
    text: '--filter --format --label --build-arg -l',
  },

  curl: {
    operands: 'dials',
    port: 80,
    refuses:
      '-K --config --resolve --connect-to -x --proxy --proxy-cacert --proxy-capath --proxy-cert --proxy-crlfile --proxy-key --proxy-pass --proxy-service-name --proxy-ciphers --proxy-tls13-ciphers --proxy-tlsauthtype --proxy-tlspassword --proxy-tlsuser --proxy-cert-type --proxy-key-type --proxy-pinnedpubkey --socks5-gssapi-service --preproxy --socks4 --socks4a --socks5 --socks5-hostname --proxy1.0 --unix-socket --abstract-unix-socket --doh-url --dns-servers --dns-interface --dns-ipv4-addr --dns-ipv6-addr --interface --engine --libcurl --haproxy-protocol --haproxy-clientip --mail-from --mail-rcpt --proxy-header --proxy-user -U --noproxy --ipfs-gateway',
    takes: CURL_VALUES,
    dials: '--url',
    text: '-A --user-agent -H --header -e --referer -u --user -X --request --oauth2-bearer -F --form --form-string',
    refusesText: /^(?:-[a-zA-Z]*F|--form=?)?[^-=\s][^=\s]*=[@<]/,
  },
  wget: {
    operands: 'dials',
    port: 80,
    refuses:
      '-e --execute --config -i --input-file --use-askpass --askpass -B --base --input-metalink --preferred-location --conf-path --all-proxy --http-proxy --https-proxy --on-download-complete --on-download-start --on-download-error --on-download-stop --dns-servers --bind-dns-address',
    keeps: '--ask-password',
    takes:
      '-O --output-document -o --output-file -a --append-output -t --tries -T --timeout -w --wait -Q --quota -P --directory-prefix -A --accept -R --reject -D --domains -l --level --limit-rate --ca-certificate --certificate --private-key --load-cookies --save-cookies --post-file --body-file -X -I --cut-dirs --waitretry --connect-timeout --read-timeout --dns-timeout',
    text: '-U --user-agent --header --referer --user --password --post-data --body-data --method',
  },
  aria2c: {
    operands: 'dials',
    port: 80,
    refuses:
      '-i --input-file --conf-path --all-proxy --http-proxy --https-proxy --ftp-proxy --on-download-complete --on-download-start --on-download-error --on-download-stop --on-download-pause --on-bt-download-complete --async-dns-server --enable-rpc',
    takes: '-d --dir -o --out -x -s -j -k -t -m -l --log --max-connection-per-server --split --timeout',
    text: '-U --user-agent --header --referer',
  },
  httpie: {
    refuses: '--proxy --cert-key-pass --session',
    operands: 'dials-first',
    keeps:
      '-F -I -S -b -d -f -h -j -q -v --follow --ignore-stdin --stream --body --download --form --headers --json --quiet --verbose --check-status',
    takes: '-a -A -o --timeout --verify',
  },
  lynx: { operands: 'dials', refuses: '-cfg --cfg -lss -editor -config --config -cmd_script -o', takes: '-width' },
  dig: {
    refuses: '-f',
    takes: '-b -k -c -t -y -m',
    dials: '-q -x',
    ports: '-p',
    operands: 'dials',
    port: 53,
  },
  ping: { operands: 'dials', takes: '-c -i -W -w -s -t -I -m -M -Q -p -l -S' },
  traceroute: { operands: 'dials-first', keeps: '-4 -6 -F -I -T -U -e -n', takes: '-f -i -m -N -p -q -s -t -w -z' },
  mtr: { operands: 'dials', refuses: '-F --filename', takes: '-c -i -m -s -P -a -f -o -Q -G -Z' },
  fping: { operands: 'dials', refuses: '-f --file', takes: '-b -B -c -C -i -I -p -r -S -t -H -O' },
  whois: { operands: 'text', dials: '-h --host', ports: '-p --port', port: 43 },
  telnet: {
    operands: 'host-and-ports',
    keeps: '-4 -6 -8 -E -K -L -a -c -d -r -x',
    refuses: '-n -X',
    takes: '-l -b -e',
    port: 23,
  },
  nc: {
    operands: 'host-and-ports',
    keeps: '-4 -6 -C -D -d -h -N -n -r -t -u -v -z',
    refuses: '-e -c --exec --sh-exec --lua-exec -x -X --proxy --proxy-type -U --unixsock -l --listen -k',
    takes: '-i -w -p -s -q -I -O -T -V -m',
  },
  socat: { refusesText: /!!|^"?(exec|system|shell|open|file|gopen|create|unix|abstract|proxy|socks|pty|readline)/i },
  nmap: {
    operands: 'dials',
    refuses: '--script -script -sC -A -iL --proxies --datadir --resume --servicedb -iR --excludefile',
    keeps: '-sT -sV -sn -Pn',
    takes: '-oN',
    ports: '-p',
  },
  ftp: { operands: 'host-and-ports', keeps: '-4 -6 -A -d -e -g -i -n -p -v', port: 21 },
  openssl: {
    words: true,
    refuses: '-engine -proxy -provider-path -unix -propquery -config',
    dials: '-connect -host',
    takes: '-in -out -CAfile -cert -key -servername',
    ports: '-port',
  },
  ssh: {
    operands: 'dials-first',
    // -P is a flag to old versions and a name to new ones
    refuses: '-F -J -L -R -D -W -S -I -w -O -E -M -A -X -Y -Q -P',
    takes: '-B -b -c -e -i -l -m -o',
    ports: '-p',
    values: SSH_SETTINGS,
    port: 22,
  },
  scp: {
    operands: 'remote',
    refuses: '-S -F -J -D -b',
    takes: '-c -i -l -o -X -B -R',
    ports: '-P',
    values: SSH_SETTINGS,
    port: 22,
  },
  'ssh-keyscan': { operands: 'dials', refuses: '-f', takes: '-t -T -O', ports: '-p', port: 22 },
  rsync: {
    operands: 'remote',
    refuses:
      '-e --rsh --rsync-path -M --remote-option --daemon --config --password-file --early-input --sockopts --address --blocking-io --files-from --write-batch --read-batch --only-write-batch --server --sender',
    keeps: '--include --exclude --write-devices --files --from0',
    takes:
      '-B -T --bwlimit --timeout --partial-dir --backup-dir --temp-dir --link-dest --compare-dest --copy-dest --log-file --max-size --min-size --chmod --chown --include-from --exclude-from',
    ports: '--port',
    values: { '-f': RSYNC_RULE, '--filter': RSYNC_RULE },
    text: '-f --filter --include --exclude --info --debug --out-format --suffix',
    port: 873,
  },
  psql: {
    connects: true,
    dials: '-h --host',
    ports: '-p --port',
    takes: '-U --username -d --dbname -f --file -o --output -L --log-file',
    text: '-c --command -F --field-separator -R --record-separator -P --pset -T --table-attr -v --set --variable',
    refusesText:
      /\\(!|g?exec|copy\s.*\bprogram\b|o\s*\||g\s*\||setenv|e\b|ef|i|ir|connect|c\s)|\b(from|to)\s+program\b|^\||^(-o|--output=?)\s*\||\b(service|passfile|sslkey|sslcert)\s*=|^(-c|--command=)?\s*\\(?!(d[a-z]*\+?|l\+?|conninfo|timing|encoding|z|h|x|a|t|q|pset|sf\+?|sv\+?|\?)(\s[^`]*)?$)/i,
    port: 5432,
  },
  'ssh-keygen': { refuses: '-D -w', takes: '-f -t -b -N -P -I -n -s -V -z -a -O -Y', text: '-C' },
  'ssh-add': { refuses: '-s -S', takes: '-t -d -T -h -H -e' },
  pg_dump: {
    connects: true,
    dials: '-h --host',
    ports: '-p --port',
    takes:
      '-U --username -d --dbname -f --file -F --format -j --jobs -n --schema -N -t --table -T -Z -E -S -I -P -L -O -D -l',
    refusesText: /\b(service|passfile|sslkey|sslcert)\s*=/i,
    port: 5432,
  },
  mysql: {
    dials: '-h --host',
    ports: '-P --port',
    refuses:
      '--defaults-file --defaults-extra-file --defaults-group-suffix --plugin-dir --pager --init-command --load-data-local-dir --local-infile --login-path -S --socket --tee --default-auth',
    keeps: '--default-character-set --no-defaults',
    takes: '-u -D --user --database',
    text: '-e --execute',
    refusesText:
      /(^|[\s;=])(\\!|system\s|source\s|\\\.|\\P|pager\s|edit\b)|\bload_file\s*\(|\binto\s+(out|dump)file\b/i,
    port: 3306,
  },
  sqlite3: {
    words: true,
    refuses: '-init -cmd',
    keeps:
      '-append -ascii -bail -batch -box -column -csv -echo -header -noheader -help -html -interactive -json -line -list -markdown -nofollow -quote -readonly -safe -stats -table -tabs -unsafe-testing -version -memtrace',
    text: '-separator -newline -nullvalue -mmap -lookaside -pagecache -maxsize',
    // its commands may be abbreviated: those that only show are the ones that pass
    refusesText:
      /^\s*\.(?!(tables?|schema|headers?|mode|dump|index(es)?|indices|databases|width|timer|explain|nullvalue|separator|show|stats|print|eqp|changes|bail|quit|exit|help|fullschema|sha3sum|lint|version)\b)|\bvacuum\s+into\b|\b(load_extension|readfile|writefile|edit|fts3_tokenizer)\s*\(|\battach\b/im,
  },
  'redis-cli': {
    dials: '-h -u',
    refuses: '--eval --pipe --rdb --functions-rdb -s',
    takes: '-a -n -r -i',
    ports: '-p',
    operands: 'text',
    port: 6379,
  },

  vim: {
    refuses: '-c --cmd -S -s -u -U -i -w -W -P --servername --remote --startuptime --listen --server -l',
    keeps: '--clean --noplugin --version --help',
    takes: '-t -T -q -p -o',
    refusesText: /^\+(?!\d*$|\/)/,
  },
  nano: { refuses: '-f --rcfile -s --speller -C --backupdir -J', takes: '-T -r -Y' },
  emacs: {
    refuses:
      '-eval --eval -e --execute -f --funcall -l --load --script -x -batch --batch -L --init-directory --alternate-editor -a',
    keeps: '-nw',
  },
  less: {
    refuses:
      '-k --lesskey-file --lesskey-src --lesskey-content -o -O --log-file --LOG-FILE -t --tag -T --tag-file --cmd',
    takes: '-p --pattern -x -z -j -y -h -b -P',
    text: '-p --pattern -P --prompt',
    refusesText: /^\++[^\dFGg/]|^\+.*[!|v]/,
  },
  man: {
    refuses: '-P --pager -H --html -C --config-file -p --preprocessor -M --manpath -X --gxditview -T -t --troff -E',
    takes: '-s -S -e -L -m -r',
  },
  bat: { refuses: '--pager --config-file', text: '-l --language', takes: '-r --line-range -H' },
  delta: { refuses: '--pager --config' },

  hg: { refuses: '--config --cwd -R --debugger --remotecmd -e --ssh', text: '-m --message -u --user' },
  svn: { refuses: '--config-option --config-dir --editor-cmd --diff-cmd --diff3-cmd', text: '-m --message' },
  gpg: {
    refuses: '--keyserver --agent-program --dirmngr-program --options --exec-path --photo-viewer --load-extension',
    keeps: '--no-options',
  },
  pandoc: { refuses: '-F --filter -L --lua-filter --pdf-engine --data-dir -d --defaults --extract-media' },
  ip: { refuses: '-b -batch -n -netns', refusesCommands: /^(netns|vrf)( |$)/ },
  tcpdump: { refuses: '-z -w -r -F -V' },
  nodemon: { refuses: '-x --exec' },
  tmpwatch: {},
  gradle: {
    refuses: '-I --init-script -p --project-dir -g --gradle-user-home',
    takes: '-b -c -x --exclude-task -D --system-prop -P --project-prop',
    refusesText: JVM_SETTING,
  },
  mvn: {
    refuses: '-f --file -s --settings -gs --global-settings -t --toolchains -gt --global-toolchains',
    keeps:
      '-am -amd -cpu -fae -ff -fn -llr -nsu -ntp -npr -npu -up --also-make --batch-mode --fail-at-end --fail-fast --fail-never --no-transfer-progress',
    takes:
      '-D --define -P --activate-profiles -T --threads -pl --projects -rf --resume-from -l --log-file -b --builder',
    refusesText: JVM_SETTING,
  },
  kubectl: {
    dials: '-s --server',
    refuses: '--kubeconfig --insecure-skip-tls-verify',
    refusesCommands: /^(exec|run|attach|debug|cp|port-forward|proxy|config|plugin|edit)( |$)/,
  },
  bundle: { refusesCommands: /^(exec|console|config|open|plugin)( |$)/ },
  terraform: { words: true, refusesCommands: /^(console)( |$)/, refuses: '-plugin-dir -chdir' },
};
