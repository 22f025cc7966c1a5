import { readPalyraToml } from '../config/palyra-toml.ts';
import type { Files } from '../store/files.ts';

const LIMITS = { bytes: 1024 * 1024, what: 'configuration file' };

/**
 * Whether approvals may be resolved without a terminal: `[approvals] scripted_resolve = true` in the operator's own file
 * below the home of the password database, or in the system's. No option, variable or project can name another file:
 * whoever starts palyra must not be able to say so.
 * @param uid the operator's
 * @throws PalyraError input.invalid
 */
export function mayResolveScripted(
  { files }: { readonly files: Files },
  { home, uid }: { readonly home: string; readonly uid: number },
): boolean {
  return isSetIn(files, `${home}/.config/palyra/palyra.toml`, uid) || isSetIn(files, '/etc/palyra/palyra.toml', 0);
}

function isSetIn(files: Files, path: string, owner: number): boolean {
  const text = files.readOwned(path, owner, LIMITS);
  return text !== undefined && readPalyraToml(text, path).get('approvals.scripted_resolve') === true;
}
