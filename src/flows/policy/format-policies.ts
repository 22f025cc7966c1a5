import { diagnose, refusePolicies } from '../../policy/diagnostic.ts';
import type { Cedar } from '../../policy/engine.ts';
import { readPolicies } from '../../policy/source.ts';
import type { Files } from '../../store/files.ts';
import { listPolicyFiles, POLICY_FILE } from './policy-files.ts';

/** A file and what it would be. */
export interface FormattedFile {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

const LINE_WIDTH = 80;

/**
 * Format policy files as Cedar does, 80 columns wide; comments stay. Nothing is written: applyFormat does that, once all
 * files are known to be readable.
 * @param paths files and folders; `-` is standard input
 * @param progress told how many files are done
 * @throws PalyraError input.invalid (file:line:column), store.not_found
 */
export function planFormat(
  { files, cedar }: { readonly files: Files; readonly cedar: Cedar },
  paths: readonly string[],
  progress: (done: number) => void = () => {},
): FormattedFile[] {
  return listPolicyFiles(files, paths).map(({ path, shown }, done) => {
    progress(done);
    const before = files.readText(path, POLICY_FILE);
    return { path, before, after: formatText(cedar, before, shown) };
  });
}

/** Write the files that change, each at once. */
export function applyFormat({ files }: { readonly files: Files }, plan: readonly FormattedFile[]): void {
  for (const { path, before, after } of plan) if (after !== before) files.replace(path, after);
}

/** @throws PalyraError input.invalid */
export function formatText(cedar: Cedar, text: string, file: string): string {
  // for its errors, which say more than those of the formatter
  readPolicies(cedar, text, file);
  const formatted = cedar.format(text, LINE_WIDTH);
  if (!formatted.ok) throw refusePolicies(formatted.errors.map((error) => diagnose(error, text, file)));
  // a file of comments alone, or of nothing, would begin with a blank line
  return formatted.value.trimStart();
}
