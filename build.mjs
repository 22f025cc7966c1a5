// Builds dist/: one split bundle, so that a command loads only what it needs. Cedar's wasm stays in its package.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: { main: 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  minifySyntax: true,
  legalComments: 'none',
  external: ['@cedar-policy/cedar-wasm'],
  // packages in CommonJS ask for Node's own modules with require
  banner: {
    js: "import { createRequire as palyraRequire } from 'node:module'; const require = palyraRequire(import.meta.url);",
  },
});
