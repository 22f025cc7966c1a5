import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE } from './palyra.ts';

const manifest = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));

test('the package holds what users need, and nothing else', () => {
  // without scripts: prepare would build anew under the other tests
  const said = execFileSync('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: PACKAGE });
  const [{ files }] = JSON.parse(said.toString('utf8'));
  const kinds = files.map(({ path }: { path: string }) => path.replace(/^(dist|man)\/[\w.-]+\.(cjs|v8|1)$/, '$1/*.$2'));
  expect([...new Set(kinds)].sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin/package.json',
    'bin/palyra.js',
    'dist/*.cjs',
    'dist/*.v8',
    'dist/NOTICES.txt',
    'dist/cedar.image',
    'man/*.1',
    'package.json',
    'policies/baseline.cedar',
    'policies/palyra.cedarschema',
    'policies/tool-catalog.json',
  ]);
});

test('nothing of it runs when it is installed', () => {
  const runs = ['preinstall', 'install', 'postinstall', 'preprepare', 'postprepare'];
  expect(Object.keys(manifest.scripts).filter((name) => runs.includes(name))).toEqual([]);
  // npm runs the scripts of dependencies, too; the lock file marks those that have one
  const lock = JSON.parse(readFileSync(join(PACKAGE, 'package-lock.json'), 'utf8'));
  const installed = Object.entries<{ dev?: true; hasInstallScript?: true }>(lock.packages);
  expect(installed.filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev).map(([path]) => path)).toEqual(
    [],
  );
});

test('every package in the bundle is named with its licence', () => {
  const { inputs } = JSON.parse(readFileSync(join(PACKAGE, 'node_modules/.palyra-build.json'), 'utf8'));
  const names = new Set(
    Object.keys(inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  expect(names.size).toBeGreaterThan(10);
  const notices = readFileSync(join(PACKAGE, 'dist/NOTICES.txt'), 'utf8');
  for (const name of names) expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'));
  // what is bundled is a dependency of ours, or of one of those: so that an audit or a bill of materials names it
  for (const name of Object.keys(manifest.devDependencies)) expect(names).not.toContain(name);
});
