import { parse, TomlError } from 'smol-toml';
import { PalyraError } from '../errors.ts';
import { type GivenSettings, readSettings } from './settings.ts';

/**
 * Read the text of a palyra.toml.
 * @param file how the file is named in errors
 * @throws PalyraError input.invalid with file:line
 */
export function readPalyraToml(text: string, file: string): GivenSettings {
  return readSettings(parseToml(text, file), file, (key) => lineOf(text, key));
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [said = 'not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new PalyraError('input.invalid', `${file}:${error.line}:${error.column}: not TOML: ${said}`, {
      hint: 'palyra init --config NEW.toml   writes a commented example',
    });
  }
}

/** Where a dotted key, or the first one below it, is set: under its own table, or dotted under an outer one. Only for messages. */
function lineOf(text: string, key: string): number | undefined {
  const wanted = bare(key);
  let table = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[\[?\s*([^\]]+?)\s*\]/.exec(line);
    if (header?.[1] !== undefined) {
      table = bare(header[1]);
      if (table === wanted) return index + 1;
      continue;
    }
    const name = /^\s*([^=#]+?)\s*=/.exec(line)?.[1];
    if (name === undefined) continue;
    const path = table === '' ? bare(name) : `${table}.${bare(name)}`;
    if (path === wanted || wanted.startsWith(`${path}.`) || path.startsWith(`${wanted}.`)) return index + 1;
  }
  return undefined;
}

function bare(key: string): string {
  return key.replace(/["'\s]/g, '');
}
