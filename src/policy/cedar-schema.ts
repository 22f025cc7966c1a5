import { parseJson } from '../json.ts';
import { diagnose, refusePolicies } from './diagnostic.ts';
import type { Cedar, SchemaJson } from './engine.ts';

/** Where Cedar keeps the schema that was opened last. */
export const SCHEMA_SLOT = 'schema';

/**
 * A schema that Cedar can read, in its own syntax or as JSON.
 * @throws PalyraError input.invalid (file:line:column)
 */
export function openSchema(cedar: Cedar, text: string, file: string): string | SchemaJson<string> {
  const isJson = /^\s*\{/.test(text);
  const schema = isJson ? (parseJson(text, { name: file, depth: 100 }) as SchemaJson<string>) : text;
  const prepared = cedar.prepareSchema(SCHEMA_SLOT, schema);
  if (prepared.ok) return schema;
  throw refusePolicies(prepared.errors.map((error) => diagnose(error, isJson ? '' : text, file)));
}

/** The names of the actions outside any namespace, which are all that the gate has; none if the text is no schema. */
export function actionsOf(cedar: Cedar, text: string): string[] {
  const parsed = cedar.schemaJson(text);
  return parsed.ok ? Object.keys(parsed.value['']?.actions ?? {}) : [];
}
