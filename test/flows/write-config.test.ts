import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { files } from '../../src/adapters/files.ts';
import { readPalyraToml } from '../../src/config/palyra-toml.ts';
import { type InitialRights, writeConfig } from '../../src/flows/write-config.ts';

function newPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'palyra-config-')), 'palyra.toml');
}

function write(path: string, rights: Partial<InitialRights>): string {
  return writeConfig({ files }, path, { tools: [], executables: [], dryRun: false, ...rights });
}

const REFUSED: readonly (readonly [string, Partial<InitialRights>, object])[] = [
  [
    'a misspelt tool of ours',
    { tools: ['palyra.http.fetsh'] },
    { code: 'usage.unknown', hint: 'did you mean palyra.http.fetch?' },
  ],
  ['a tool in our name that is none', { tools: ['palyra.qqqqqqqqqqqq'] }, { code: 'usage.unknown' }],
  ['a blank tool', { tools: [' '] }, { code: 'usage.invalid' }],
  ['an executable that reads as another', { executables: ['gi\u200bt'] }, { code: 'usage.invalid' }],
];

test.each(REFUSED)('%s would silently allow nothing, or something else: nothing is written', (_, rights, error) => {
  const path = newPath();
  expect(() => write(path, rights)).toThrow(expect.objectContaining(error));
  expect(existsSync(path)).toBe(false);
});

test('what is written allows what was named, tools of one’s own too, and is never written over', () => {
  const path = newPath();
  const text = write(path, { tools: ['palyra.http.fetch', 'acme.report"'], executables: ['git'] });
  expect(readFileSync(path, 'utf8')).toBe(text);
  const given = readPalyraToml(text, path);
  expect(given.get('tool_call.allowed_tools')).toEqual(['palyra.http.fetch', 'acme.report"']);
  expect(given.get('tool_call.process_runner.allowed_executables')).toEqual(['git']);

  writeFileSync(path, '# mine\n');
  expect(() => write(path, {})).toThrow(expect.objectContaining({ code: 'store.conflict' }));
  expect(readFileSync(path, 'utf8')).toBe('# mine\n');
});

test('a dry run shows the same and writes nothing', () => {
  const [path, other] = [newPath(), newPath()];
  expect(write(path, { executables: ['git'], dryRun: true })).toBe(write(other, { executables: ['git'] }));
  expect(existsSync(path)).toBe(false);
});
