import { commentedToml } from '../config/commented-toml.ts';
import { PalyraError } from '../errors.ts';
import { findTool, toolNames } from '../policy/catalog.ts';
import type { Files } from '../store/files.ts';
import { isPlain, nearest } from '../text.ts';

/** What a new configuration allows. */
export interface InitialRights {
  readonly tools: readonly string[];
  readonly executables: readonly string[];
  readonly dryRun: boolean;
}

/**
 * Write a new palyra.toml, never over an old one.
 * @returns the text that was, or with dryRun would be, written
 * @throws PalyraError store.conflict, usage.unknown
 */
export function writeConfig(
  { files }: { readonly files: Files },
  path: string,
  { tools, executables, dryRun }: InitialRights,
): string {
  for (const name of [...tools, ...executables]) {
    if (name.trim() === '' || !isPlain(name))
      throw new PalyraError('usage.invalid', 'a tool or executable is blank, or has invisible characters');
  }
  for (const tool of tools) refuseUnknownTool(tool);
  if (files.readIfThere(path, { bytes: 1024 * 1024, what: 'configuration file' }) !== undefined) {
    throw new PalyraError('store.conflict', `${path} is there already, and stays as it is`, {
      hint: 'palyra init --config NEW.toml   or edit the file',
    });
  }
  const text = commentedToml(tools, executables);
  if (!dryRun) files.writeNew(path, text);
  return text;
}

function refuseUnknownTool(tool: string): void {
  if (findTool(tool.toLowerCase()) !== undefined) return;
  const [near] = nearest(tool, toolNames());
  // a tool of one's own is fine; a misspelt one of ours would silently allow nothing
  if (!tool.startsWith('palyra.') && near === undefined) return;
  throw new PalyraError('usage.unknown', `unknown tool ${tool.slice(0, 80)}`, {
    hint: `did you mean ${near ?? 'palyra.process.run'}?`,
  });
}
