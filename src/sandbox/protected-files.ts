/**
 * Files of a workspace that make other programs run something later, outside: never written by a command, relative to
 * the workspace. Those in a git folder are listed by `protectedGitPaths`.
 */
export const PROTECTED_NAMES = [
  '.envrc',
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.profile',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.zlogin',
  '.zlogout',
  '.kshrc',
  '.inputrc',
  '.gitconfig',
  '.vscode',
  '.idea',
  '.claude',
  '.cursor',
  '.mcp.json',
  'palyra.toml',
] as const;

/** What git runs or obeys in its folder: `.git`, or where a `.git` file points. */
export function protectedGitPaths(gitFolder: string): string[] {
  return [`${gitFolder}/hooks`, `${gitFolder}/config`, `${gitFolder}/config.worktree`, `${gitFolder}/modules`];
}

/** Where a `.git` file says that the git folder is, or undefined. */
export function gitFolderOf(gitFile: string): string | undefined {
  return /^gitdir:[ \t]*([^\r\n]+)/.exec(gitFile)?.[1];
}

/** Whether a new git configuration only holds what `git init` and `git clone` write themselves. */
export function isHarmlessGitConfig(text: string): boolean {
  return text.split('\n').every((line) => line.trim() === '' || HARMLESS_LINE.test(line));
}

const HARMLESS_LINE =
  /^\s*(\[(core|remote "[^"\\]*"|branch "[^"\\]*"|user)\]|(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks)\s*=\s*\w+|fetch\s*=\s*\+?refs\/[^\s:]*:refs\/\S*|url\s*=\s*https:\/\/\S+|(remote|merge)\s*=\s*[\w./-]+|(name|email)\s*=\s*[^\\"]*)\s*$/;
