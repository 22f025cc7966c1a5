import { PalyraError } from './errors.ts';
import { type JsonLimits, parseJson } from './json.ts';
import type { Check } from './schema.ts';

/**
 * One of the documents that make up the state, as the store keeps it. The rules own its meaning; whatever stores it
 * keeps it whole, with every field that nobody here knows.
 */
export interface DocumentShape<T> {
  /** what people call it: `access_registry.json` */
  readonly name: string;
  /** the field that says which shape it has, and the one that is understood */
  readonly version: { readonly field: string; readonly understood: number };
  /** whether other programs write it too; one that is ours alone is refused once it is not what the journal says */
  readonly shared: boolean;
  readonly check: Check<T>;
  /** the document of a first run */
  readonly empty: () => T;
}

/** How state is read: so that writing it again loses nothing. */
export const STRICT: JsonLimits = { name: 'it', depth: 64, exact: true };

/**
 * A document from outside: strict JSON, known version, known shape.
 * @throws PalyraError store.unsafe; names the document and the place, never a value
 */
export function parseDocument<T>(shape: DocumentShape<T>, text: string): T {
  try {
    const value = parseJson(text, STRICT);
    checkVersion(shape, value);
    return shape.check(value, shape.name);
  } catch (error) {
    if (!(error instanceof PalyraError) || !error.code.startsWith('input.')) throw error;
    throw new PalyraError('store.unsafe', `${shape.name} is not what it should be: ${error.message}`, {
      ...(error.why === undefined ? {} : { why: error.why }),
      hint: 'palyra doctor',
      cause: error,
    });
  }
}

/**
 * A document whose bytes are known, by their digest, to be those that we printed from a checked value: not checked again,
 * which would take as long as all the rest.
 */
export function parseOwnDocument<T>(shape: DocumentShape<T>, bytes: Buffer): T {
  const value: unknown = JSON.parse(bytes.toString());
  checkVersion(shape, value);
  return value as T;
}

/** How a document is written: pretty JSON, keys in their order. */
export function printDocument(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function checkVersion<T>({ name, version }: DocumentShape<T>, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PalyraError('input.invalid', 'not an object');
  }
  const found: unknown = Reflect.get(value, version.field);
  if (found === version.understood) return;
  const said = typeof found === 'number' ? `${version.field} ${found}` : `no ${version.field}`;
  throw new PalyraError('store.unsafe', `${name} has ${said}; this palyra understands ${version.understood}`, {
    why: 'an unknown version is never rewritten, so nothing was changed',
    hint: typeof found === 'number' && found > version.understood ? 'use a newer palyra' : 'palyra doctor',
  });
}
