import { expect, test } from 'vitest';
import { registryShape } from '../../../src/access/registry.ts';
import { formSecret } from '../../../src/access/secret.ts';
import { PalyraError } from '../../../src/errors.ts';
import { type Scanned, scanSecrets } from '../../../src/flows/access/scan-secrets.ts';
import type { Source, Sources } from '../../../src/store/sources.ts';

const SECRET = formSecret('palyra_', new Uint8Array(32).fill(7));

test('what cannot be read to its end is told, and what was found before and in the others is kept', async () => {
  const unreadable = new PalyraError('store.unsafe', 'gone meanwhile');
  const scanned = await scan([
    { name: 'cut', pieces: pieces(`a\n${SECRET}\n`, unreadable) },
    new PalyraError('store.not_found', 'a folder that nobody may open'),
    { name: 'whole', pieces: pieces(SECRET.slice(0, 20), SECRET.slice(20)) },
  ]);
  expect(scanned.hits.map(({ source, line }) => `${source}:${line}`)).toEqual(['cut:2', 'whole:1']);
  expect(scanned.unread.map(({ message }) => message)).toEqual(['gone meanwhile', 'a folder that nobody may open']);
});

test('a bug ends the scan: it is not a file that could not be read', async () => {
  await expect(scan([{ name: 'a', pieces: pieces(new TypeError('a bug')) }])).rejects.toThrow('a bug');
});

function scan(found: readonly (Source | PalyraError)[]): Promise<Scanned> {
  const sources: Sources = {
    async *below() {
      yield* found;
    },
    async *gitLog() {},
  };
  const desk = { sources, registry: registryShape.empty(), now: 0, cwd: '/', progress: () => undefined };
  return scanSecrets(desk, { paths: ['.'] });
}

async function* pieces(...parts: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (typeof part !== 'string') throw part;
    yield Buffer.from(part);
  }
}
