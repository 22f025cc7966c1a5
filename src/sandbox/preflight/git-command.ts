import { type Item, type OptionRules, readOptions } from './options.ts';

/** A git command line, read as git does: options of git itself, the subcommand, its own options and operands. */
export interface GitCommand {
  readonly subcommand: string | undefined;
  readonly items: readonly Item[];
  /** operands, beside options that dial, that name another repository: a remote's name, a path, a URL or `host:path` */
  readonly remotes: readonly Item[];
  /** what is refused, if anything, in words */
  readonly refusal: string | undefined;
}

export function readGit(argv: readonly string[], start: number): GitCommand {
  const globals = readOptions(argv, start, GLOBAL);
  const at = globals.findIndex((item) => item.kind === 'operand');
  const own = at === -1 ? globals : globals.slice(0, at);
  const word = globals[at];
  if (word?.kind !== 'operand') return { subcommand: undefined, items: own, remotes: [], refusal: refuse(own, true) };
  const isRead = word.value === 'config' && readsSettings(argv.slice(word.index + 1));
  const rest = readOptions(argv, word.index + 1, {
    ...(DIALLING[word.value] ?? { ...SUBCOMMAND, text: textsOf(word.value), ...DIALS[word.value] }),
    refuses: refusedOf(word.value, isRead),
  });
  const refusal = refuse(own, true) ?? refuse(rest, word.value === 'clone') ?? refuseSubcommand(word.value, rest);
  const opened = word.value === 'grep' ? withoutPattern(rest) : rest;
  return { subcommand: word.value, items: [...own, ...opened], remotes: remotesOf(word.value, rest), refusal };
}

/** Unless an option gave it, the first operand of `git grep` is what is looked for. */
function withoutPattern(items: readonly Item[]): readonly Item[] {
  const isGiven = items.some((item) => item.kind === 'option' && item.name === '-e');
  const pattern = isGiven ? undefined : items.find((item) => item.kind === 'operand');
  return items.filter((item) => item !== pattern);
}

/** Whether `git config` only shows: from any of its files then. */
function readsSettings(words: readonly string[]): boolean {
  const [first = '', ...rest] = words.filter(
    (word) => !/^--(global|system|local|worktree|show-origin|show-scope|name-only|null)$/.test(word),
  );
  return (
    /^(--get(-all|-regexp|-urlmatch)?|--list|-l|get|list)$/.test(first) || (rest.length === 0 && /^\w/.test(first))
  );
}

/** @param settings whether `-c` sets one: for git itself and for clone; elsewhere it is a commit or a branch */
function refuse(items: readonly Item[], settings: boolean): GitCommand['refusal'] {
  for (const item of items) {
    if (item.kind !== 'option') continue;
    // without a value it prints
    if (item.name === '--exec-path' && item.value === undefined) continue;
    if (item.use === 'refused') return `git ${item.name} runs programs or changes settings`;
    if (!settings || (item.name !== '-c' && item.name !== '--config')) continue;
    const key = (item.value ?? '').split('=')[0] ?? '';
    if (item.value !== undefined && !HARMLESS_KEY.test(key)) return `the setting ${key} may run programs`;
  }
  return undefined;
}

function refuseSubcommand(word: string, items: readonly Item[]): GitCommand['refusal'] {
  const operands = items.filter((item) => item.kind === 'operand');
  const options = items.flatMap((item) => (item.kind === 'option' ? [item.name] : []));
  // then it runs none of the commands that are set for trailers
  const onlyParses =
    options.some((name) => /^--(parse|only-input)$/.test(name)) && !options.some((name) => name.startsWith('--no-'));
  if (word === 'interpret-trailers' && !onlyParses) return 'git interpret-trailers runs programs';
  if (RUNS_PROGRAMS.test(word)) return `git ${word} runs programs`;
  const [first, second] = operands.map((item) => item.value ?? '');
  if (word === 'bisect' && first === 'run') return 'git bisect run runs programs';
  if (word === 'submodule' && first === 'foreach') return 'git submodule foreach runs programs';
  if (word !== 'config') return undefined;
  if (first === 'edit') return 'git config edit runs programs';
  const key = first === 'set' ? second : first;
  const writes = operands.length > 1 && first !== 'get' && first !== 'list';
  if (!writes || HARMLESS_KEY.test(key ?? '')) return undefined;
  return `the setting ${key} may run programs`;
}

function remotesOf(word: string, items: readonly Item[]): Item[] {
  const operands = items.filter((item) => item.kind === 'operand');
  const several = items.some((item) => item.kind === 'option' && item.name === '--multiple');
  if (word === 'fetch' && several) return operands;
  // each option that is not known may have taken the operand after it
  const doubts = items.filter((item) => item.kind === 'option' && item.use === 'unknown').length;
  if (/^(clone|ls-remote|fetch|pull|push|send-pack|fetch-pack)$/.test(word)) return operands.slice(0, 1 + doubts);
  if (word === 'request-pull') return operands.slice(1, 2);
  if (word === 'remote') return operands.slice(1);
  if (word === 'submodule') return operands.slice(1);
  return [];
}

/** @param isRead it changes no setting */
function refusedOf(word: string, isRead: boolean): string {
  const everywhere =
    '--upload-pack --receive-pack --exec --template --ext-diff --extcmd --open-files-in-pager --sendmail-cmd --to-cmd --cc-cmd --header-cmd --smtp-server --tool --gpg-sign-program --textconv --filter-process --shell-path --interactive-diff-filter --file --server-option --config-env --separate-git-dir';
  return [everywhere, ...(isRead ? [] : ['--system --global']), OWN[word] ?? ''].join(' ').trimEnd();
}

const OWN: Readonly<Record<string, string>> = {
  clone: '-u',
  rebase: '-x',
  grep: '-O',
  difftool: '-x -t',
  mergetool: '-t',
  config: '-f -e --edit',
  help: '-w --web',
};

const DIALS: Readonly<Record<string, OptionRules>> = { archive: { dials: '--remote' } };

const QUIET =
  '-q --quiet -v --verbose --progress --no-progress -4 --ipv4 -6 --ipv6 -n --dry-run --recurse-submodules --no-recurse-submodules --porcelain';
const FETCHES = `${QUIET} -a --append --all --atomic --force -f --keep -k -m --multiple --prune -p --prune-tags -P --no-tags -t --tags --unshallow --update-shallow -u --update-head-ok --set-upstream --refetch --write-fetch-head --no-write-fetch-head --auto-gc --no-auto-gc --auto-maintenance --no-auto-maintenance --write-commit-graph --stdin --no-prune --show-forced-updates --no-show-forced-updates --prefetch`;
const FETCH_VALUES =
  '--depth --deepen --shallow-since --shallow-exclude -j --jobs --refmap -o --negotiation-tip --filter --recurse-submodules-default';

/** Those that dial, with their options in full: a word that an option hides might be the host. */
const DIALLING: Readonly<Record<string, OptionRules>> = {
  clone: {
    keeps: `${QUIET} -l --local --no-local --no-hardlinks -s --shared --no-checkout --bare --mirror --dissociate --single-branch --no-single-branch --no-tags --tags --shallow-submodules --no-shallow-submodules --remote-submodules --no-remote-submodules --recursive --sparse --reject-shallow --no-reject-shallow --also-filter-submodules`,
    takes:
      '-b --branch -o --origin --depth --reference --reference-if-able -j --jobs --shallow-since --shallow-exclude -c --config --filter --bundle-uri --revision --ref-format',
  },
  fetch: { keeps: FETCHES, takes: FETCH_VALUES },
  pull: {
    keeps: `${FETCHES} -r --rebase --no-rebase --ff --ff-only --no-ff --commit --no-commit -e --edit --no-edit --squash --no-squash --stat --no-stat --signoff --no-signoff --autostash --no-autostash --allow-unrelated-histories --verify --no-verify --verify-signatures --log --no-log`,
    takes: `${FETCH_VALUES} -s --strategy -X --strategy-option --cleanup`,
  },
  push: {
    keeps: `${QUIET} --all --branches --prune --mirror -d --delete --tags --follow-tags --no-follow-tags -f --force --force-with-lease --no-force-with-lease --force-if-includes --atomic --no-atomic -u --set-upstream --thin --no-thin --signed --no-signed --verify --no-verify`,
    takes: '-o --push-option',
    dials: '--repo',
  },
  'ls-remote': {
    keeps: `${QUIET} -h --heads -b --branches -t --tags --refs --exit-code --get-url --symref`,
    takes: '--sort -o',
  },
};

const GLOBAL: OptionRules = {
  refuses: '--exec-path --config-env --super-prefix --attr-source --list-cmds',
  takes: '-c -C --git-dir --work-tree --namespace',
};

const SUBCOMMAND: OptionRules = {
  keeps:
    '--filter --textual --templates --no-ext-diff --no-textconv --files --full --tool-help --exclude --exclude-standard',
  takes:
    '-C -c --config -b -B -o --origin --branch --depth --output --reference -j --jobs -F -t --pathspec-from-file --work-tree --git-dir',
};

/** What takes a text in one of them is a switch in another, and would hide the word after it. */
function textsOf(word: string): string {
  const everywhere =
    '--message --author --date --grep --committer --format --pretty --since --until --after --before --trailer --cleanup --fixup --squash --max-count';
  const own = TEXTS.filter(({ words }) => words.test(word)).map(({ options }) => options);
  return [everywhere, ...own].join(' ');
}

const TEXTS: readonly { readonly words: RegExp; readonly options: string }[] = [
  { words: /^(log|show|rev-list|whatchanged|reflog)$/, options: '-n' },
  { words: /^(log|show|diff|whatchanged|rev-list|diff-tree|diff-index|diff-files)$/, options: '-S -G' },
  { words: /^(log|show|blame|annotate)$/, options: '-L' },
  { words: /^grep$/, options: '-e -A -B -C -m' },
  { words: /^(commit|merge|tag|stash|notes|commit-tree|revert|cherry-pick)$/, options: '-m' },
];

// settings that neither run a program nor change who is dialled
const HARMLESS_KEY =
  /^(user\.(name|email)|author\.(name|email)|committer\.(name|email)|color\.[a-z.]+|advice\.[a-z]+|init\.defaultbranch|core\.(quotepath|autocrlf|safecrlf|abbrev|filemode|ignorecase|longpaths|eol|precomposeunicode|preloadindex|untrackedcache)|commit\.(gpgsign|verbose|cleanup)|tag\.gpgsign|log\.[a-z]+|diff\.(noprefix|renames|context|algorithm|colormoved|mnemonicprefix|wserrorhighlight)|merge\.(conflictstyle|ff|log)|pull\.(rebase|ff)|push\.(default|autosetupremote)|rebase\.(autosquash|autostash)|status\.[a-z]+|branch\.[^.]+\.(description|rebase)|rerere\.enabled|column\.[a-z]+|gc\.auto|maintenance\.auto|fetch\.(prune|parallel)|pack\.threads|index\.threads|http\.(version|postbuffer|lowspeedlimit|lowspeedtime)|safe\.directory|versionsort\.suffix|blame\.[a-z]+|format\.(pretty|signoff)|grep\.(linenumber|patterntype)|i18n\.[a-z]+)$/i;

const RUNS_PROGRAMS =
  /^(filter-branch|difftool|mergetool|send-email|daemon|instaweb|web--browse|credential.*|hook|remote-[a-z]+|shell|upload-pack|upload-archive|receive-pack|http-backend|cvsserver|cvsimport|svn|p4|imap-send|citool|gui|gitk|for-each-repo|sh-i18n|sh-setup|fast-import|maintenance|scalar)$/;
