import type { EffectiveConfig } from '../../config/effective.ts';
import { toolNames } from '../../policy/catalog.ts';
import { actionsOf, openSchema } from '../../policy/cedar-schema.ts';
import type { Cedar } from '../../policy/engine.ts';
import { type Finding, findDuplicates, findTemplates, validateFile } from '../../policy/validation.ts';
import type { Files } from '../../store/files.ts';
import { compareText } from '../../text.ts';
import { listConfiguredFiles, listPolicyFiles, POLICY_FILE } from './policy-files.ts';

/** What is validated, and against what. */
export interface ValidationPlaces {
  /** files and folders; none: the policies in force */
  readonly paths: readonly string[];
  readonly configured: EffectiveConfig['policyPaths'];
  readonly baseline: { readonly path: string; readonly shown: string };
  /** the gate's own schema */
  readonly gateSchema: string;
  /** another schema: then neither the baseline nor the gate's names are looked at */
  readonly schema: string | undefined;
}

/** How much was looked at, and all that was found, file by file in the order of the lines. */
export interface Validation {
  readonly files: number;
  readonly policies: number;
  readonly findings: readonly Finding[];
}

/**
 * Hold policies against a schema, the baseline included, for theirs and its names must not meet.
 * @throws PalyraError input.invalid when the schema does not parse; store.not_found
 */
export function validatePolicies(
  { files, cedar }: { readonly files: Files; readonly cedar: Cedar },
  { paths, configured, baseline, gateSchema, schema: other }: ValidationPlaces,
): Validation {
  const schemaFile = other ?? gateSchema;
  const schemaText = files.readText(schemaFile, { ...POLICY_FILE, what: 'schema file' });
  const schema = openSchema(cedar, schemaText, schemaFile);
  const isGate = other === undefined;
  const vocabulary = isGate ? { actions: actionsOf(cedar, schemaText), tools: toolNames() } : undefined;
  const found = paths.length > 0 || !isGate ? listPolicyFiles(files, paths) : listConfiguredFiles(files, configured);
  const own = found.filter(({ path }) => !isGate || path === '-' || !files.isSame(path, baseline.path));
  const validated = (isGate ? [baseline, ...own] : own).map(({ path, shown }) =>
    validateFile(cedar, { text: files.readText(path, POLICY_FILE), file: shown }, schema, vocabulary),
  );
  const findings = [
    ...validated.flatMap((file) => [...file.findings, ...(isGate ? findTemplates(file) : [])]),
    ...findDuplicates(validated),
  ];
  return {
    files: validated.length,
    policies: validated.reduce((sum, { policies }) => sum + policies.length, 0),
    findings: findings.sort(
      (a, b) =>
        compareText(a.file, b.file) || a.line - b.line || a.column - b.column || compareText(a.message, b.message),
    ),
  };
}
