import { type ConfigFile, type EffectiveConfig, effectiveSettings } from '../config/effective.ts';
import { readPalyraToml } from '../config/palyra-toml.ts';
import { PalyraError } from '../errors.ts';
import type { Files } from '../store/files.ts';

/** Where configuration may be. All paths absolute. */
export interface ConfigPlaces {
  /** the operator's file: --config, PALYRA_CONFIG or the default */
  readonly userPath: string;
  /** whether it was named, and so must exist */
  readonly named: boolean;
  /** palyra.toml of the working directory, which may only narrow */
  readonly projectPath: string;
  /** what `~/` is in policy.paths */
  readonly home: string;
}

const LIMITS = { bytes: 1024 * 1024, what: 'configuration file' };

/**
 * Read the configuration in force.
 * @throws PalyraError input.invalid (file:line), store.not_found for a file that was named
 */
export function loadConfig(
  { files }: { readonly files: Files },
  { userPath, named, projectPath, home }: ConfigPlaces,
): EffectiveConfig {
  const user = readConfig(files.readGuarded(userPath, LIMITS), userPath);
  if (user === undefined && named) {
    throw new PalyraError('store.not_found', `no such configuration file: ${userPath}`, {
      hint: `palyra init --config ${userPath}`,
    });
  }
  // started in the folder of one's own file: it is the operator's, not a project's
  const project = files.isSame(projectPath, userPath)
    ? undefined
    : readConfig(files.readIfThere(projectPath, LIMITS), projectPath);
  return {
    ...effectiveSettings(user, project),
    userPath,
    projectPath: project?.path,
    policyPaths: [...policyPaths(user, false, home), ...policyPaths(project, true, home)],
  };
}

function readConfig(text: string | undefined, path: string): ConfigFile | undefined {
  return text === undefined ? undefined : { path, given: readPalyraToml(text, path) };
}

/** Relative paths count from the file that names them. */
function policyPaths(file: ConfigFile | undefined, forbidOnly: boolean, home: string): EffectiveConfig['policyPaths'] {
  const paths = file?.given.get('policy.paths');
  if (file === undefined || !Array.isArray(paths)) return [];
  const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1);
  const absolute = (path: string): string => {
    if (path.startsWith('~/')) return `${home}${path.slice(1)}`;
    return path.startsWith('/') ? path : folder + path;
  };
  return (paths as readonly string[]).map((path) => ({ path: absolute(path), forbidOnly, folder }));
}
