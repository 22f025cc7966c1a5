import type { EffectiveConfig } from '../../config/effective.ts';
import { PalyraError } from '../../errors.ts';
import type { Files } from '../../store/files.ts';

/** How large a policy file may be. */
export const POLICY_FILE = { bytes: 8 * 1024 * 1024, what: 'policy file' };

/** A file to read, and what it is called. */
export interface PolicyFile {
  readonly path: string;
  readonly shown: string;
}

/**
 * The policy files that paths name, each once, however often it is named; `-` is standard input.
 * @throws PalyraError store.not_found; input.invalid for a folder without any, for what it was to forbid would be allowed
 */
export function listPolicyFiles(files: Pick<Files, 'listFiles'>, paths: readonly string[]): PolicyFile[] {
  const known = new Set<string>();
  return paths.flatMap((named) => {
    if (named === '-') return [{ path: '-', shown: 'standard input' }];
    const found = files.listFiles(named, '.cedar', POLICY_FILE.what).map(shortest);
    return found.filter((path) => !known.has(path) && known.add(path)).map((path) => ({ path, shown: path }));
  });
}

/**
 * The policy files of the configuration. A project is whatever folder one happens to be in: it has nothing read that is
 * not its own, for what is wrong in a file is shown.
 * @throws PalyraError store.not_found, input.invalid
 */
export function listConfiguredFiles(
  files: Pick<Files, 'listFiles' | 'isBelow'>,
  configured: EffectiveConfig['policyPaths'],
): PolicyFile[] {
  return configured.flatMap(({ path, forbidOnly, folder }) => {
    const refuse = (file: string): never => {
      throw new PalyraError('input.invalid', `${folder}palyra.toml: policy.paths leads out of the project: ${file}`, {
        hint: 'name it in policy.paths of your own palyra.toml',
      });
    };
    if (forbidOnly && !files.isBelow(folder, path)) return refuse(path);
    const found = listPolicyFiles(files, [path]);
    const stray = forbidOnly ? found.find((file) => !files.isBelow(folder, file.path)) : undefined;
    return stray === undefined ? found : refuse(stray.path);
  });
}

function shortest(path: string): string {
  return path.replace(/\/{2,}/g, '/').replace(/^(\.\/)+(?=.)/, '');
}
