import { createRequire } from 'node:module';
import type { Engine } from './engine.ts';

const PACKAGE = '@cedar-policy/cedar-wasm/nodejs';

/**
 * Cedar by the package's own loader: slower to start, and integers beyond 2^53 lose digits on the way. It is what is
 * left when the installed wasm is not the one that our own glue knows.
 */
export function openPackageEngine(): Engine {
  const require = createRequire(import.meta.url);
  // the loader keeps its one instance for ever: only loading it again gives a fresh one
  delete require.cache[require.resolve(PACKAGE)];
  const loaded = require(PACKAGE);
  return {
    prepared: {},
    call: (name, texts, json) => loaded[name](...texts, ...(json === undefined ? [] : [JSON.parse(json)])),
  };
}
