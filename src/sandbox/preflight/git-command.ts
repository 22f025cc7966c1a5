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
    ...SUBCOMMAND,
    ...DIALS[word.value],
    refuses: refusedOf(word.value, isRead),
  });
  const refusal = refuse(own, true) ?? refuse(rest, word.value === 'clone') ?? refuseSubcommand(word.value, rest);
  return { subcommand: word.value, items: [...own, ...rest], remotes: remotesOf(word.value, rest), refusal };
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
  if (/^(clone|ls-remote|fetch|pull|push|send-pack|fetch-pack)$/.test(word)) return operands.slice(0, 1);
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

const DIALS: Readonly<Record<string, OptionRules>> = { archive: { dials: '--remote' }, push: { dials: '--repo' } };

const GLOBAL: OptionRules = {
  refuses: '--exec-path --config-env --super-prefix --attr-source --list-cmds',
  takes: '-c -C --git-dir --work-tree --namespace',
};

const SUBCOMMAND: OptionRules = {
  keeps:
    '--filter --textual --templates --no-ext-diff --no-textconv --files --full --tool-help --exclude --exclude-standard',
  takes:
    '-C -c --config -b -B -o --origin --branch --depth --output --reference -j --jobs -F -t --pathspec-from-file --work-tree --git-dir',
  text: '-m --message --author --date --grep --committer -S -G -L --format --pretty --since --until --after --before --trailer --cleanup --fixup --squash -n --max-count',
};

// settings that neither run a program nor change who is dialled
const HARMLESS_KEY =
  /^(user\.(name|email)|author\.(name|email)|committer\.(name|email)|color\.[a-z.]+|advice\.[a-z]+|init\.defaultbranch|core\.(quotepath|autocrlf|safecrlf|abbrev|filemode|ignorecase|longpaths|eol|precomposeunicode|preloadindex|untrackedcache)|commit\.(gpgsign|verbose|cleanup)|tag\.gpgsign|log\.[a-z]+|diff\.(noprefix|renames|context|algorithm|colormoved|mnemonicprefix|wserrorhighlight)|merge\.(conflictstyle|ff|log)|pull\.(rebase|ff)|push\.(default|autosetupremote)|rebase\.(autosquash|autostash)|status\.[a-z]+|branch\.[^.]+\.(description|rebase)|rerere\.enabled|column\.[a-z]+|gc\.auto|maintenance\.auto|fetch\.(prune|parallel)|pack\.threads|index\.threads|http\.(version|postbuffer|lowspeedlimit|lowspeedtime)|safe\.directory|versionsort\.suffix|blame\.[a-z]+|format\.(pretty|signoff)|grep\.(linenumber|patterntype)|i18n\.[a-z]+)$/i;

const RUNS_PROGRAMS =
  /^(filter-branch|difftool|mergetool|send-email|daemon|instaweb|web--browse|credential.*|hook|remote-[a-z]+|shell|upload-pack|upload-archive|receive-pack|http-backend|cvsserver|cvsimport|svn|p4|imap-send|citool|gui|gitk|for-each-repo|sh-i18n|sh-setup|fast-import|maintenance|scalar)$/;
