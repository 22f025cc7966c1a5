// Builds dist/: all of palyra in one file, for many small ones take 30 ms to load. Cedar's wasm stays in its package.
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

// test/coverage.mjs: code that is laid out as the source is, and source maps, in this folder
const mapsFolder = process.env.PALYRA_COVERAGE_MAPS;

/** Commander can start programs as subcommands; palyra never does, and loading child_process takes 5 ms of each start. */
const withoutSubprograms = {
  name: 'without-subprograms',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?child_process$/ }, ({ importer, path }) =>
      importer.includes('/commander/') ? { path, namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Large, and seldom wanted: files of their own. */
const APART = ['inquirer', 'yaml'];

const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${APART.join('|')})$`) }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: `./${path}.cjs`, external: true } : undefined,
    );
  },
};

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { main: 'src/cli/main.ts', ...Object.fromEntries(APART.map((name) => [name, name])) },
  metafile: true,
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  // each module runs when it is first wanted, as does whatever of Node it asks for
  format: 'cjs',
  supported: { 'dynamic-import': false },
  platform: 'node',
  target: 'node20.17',
  minifySyntax: mapsFolder === undefined,
  minifyWhitespace: mapsFolder === undefined,
  sourcemap: mapsFolder === undefined ? false : 'external',
  plugins: [withoutSubprograms, apart],
  legalComments: 'none',
  external: ['@cedar-policy/cedar-wasm'],
  define: { 'import.meta.url': 'mainUrl' },
  banner: {
    js:
      "const mainUrl = require('node:url').pathToFileURL(__filename).href;" +
      // or Node hands it on to the commands that palyra contains
      (mapsFolder === undefined ? '' : 'delete process.env.NODE_V8_COVERAGE;'),
  },
});

const { KNOWN, learn } = createRequire(import.meta.url)('./bin/palyra.js');
writeFileSync(KNOWN, learn());

if (mapsFolder !== undefined) {
  for (const name of readdirSync('dist').filter((one) => one.endsWith('.map'))) {
    copyFileSync(`dist/${name}`, `${mapsFolder}/${name}`);
    rmSync(`dist/${name}`);
  }
}

// which source went where, for the test that holds the start light
writeFileSync('node_modules/.palyra-build.json', JSON.stringify(metafile));

writeFileSync('dist/NOTICES.txt', noticesOf(Object.keys(metafile.inputs)));

// a memory of Cedar that knows the baseline already; made by the sources themselves, which Node 20 cannot read
await build({
  entryPoints: ['src/adapters/cedar/make-image.ts'],
  outfile: 'dist/make-image.mjs',
  bundle: true,
  format: 'esm',
  platform: 'node',
});
const { makeImage, rehearseCheck } = await import('./dist/make-image.mjs');
writeFileSync('dist/cedar.image', makeImage(rehearseCheck(readFileSync('policies/baseline.cedar', 'utf8'))));
rmSync('dist/make-image.mjs');

/** The licences of the packages that are in the bundle, which ask to be kept with it. */
function noticesOf(inputs) {
  const names = inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const parts = [...new Set(names)].sort().map((name) => {
    const folder = `node_modules/${name}`;
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? `${license} License` : readFileSync(`${folder}/${file}`, 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `Palyra's bundle holds these packages, each under its own licence.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
