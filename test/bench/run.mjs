// Every benchmark, each in a process of its own: npm run bench [name …]. Prints ratios against a floor or a peer that is
// measured in the same run; asserts nothing.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const wanted = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.mjs') && name !== 'run.mjs' && name !== 'measure.mjs')
  .map((name) => name.slice(0, -4));
// certificates that Node reads at each start are not ours to measure
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
console.log(`Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`);
for (const name of names.filter((one) => wanted.length === 0 || wanted.includes(one))) {
  console.log(`\n== ${name}`);
  spawnSync(process.execPath, [join(import.meta.dirname, `${name}.mjs`)], { stdio: 'inherit', env });
}
