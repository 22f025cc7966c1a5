// What one command costs from the shell, against bare Node and against one process that decides once with Cedar as its
// package documents it.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurn, wall } from './measure.mjs';

const PACKAGE = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'palyra-bench-'));
const documented = join(folder, 'documented.cjs');
writeFileSync(
  documented,
  `const cedar = require(${JSON.stringify(join(PACKAGE, 'node_modules/@cedar-policy/cedar-wasm/nodejs'))});
cedar.preparsePolicySet('set', { staticPolicies: ${JSON.stringify(readFileSync(join(PACKAGE, 'policies/baseline.cedar'), 'utf8'))} });
const uid = (type, id) => ({ type, id });
const answer = cedar.statefulIsAuthorized({
  principal: uid('Principal', 'user:ops'), action: uid('Action', 'tool.list'), resource: uid('Resource', 'tool:any'),
  context: { is_sensitive_action: false, allow_sensitive_tools: false }, entities: [], preparsedPolicySetId: 'set',
});
console.log(answer.response.decision);
`,
);

const palyra = [process.execPath, join(PACKAGE, 'bin/palyra.js')];
const check = [...palyra, 'policy', 'check', '--principal', 'user:ops'];
const ms = await inTurn(
  {
    bare: () => wall([process.execPath, '-e', '0']),
    documented: () => wall([process.execPath, documented]),
    version: () => wall([...palyra, '--version']),
    help: () => wall([...palyra, '--help']),
    allow: () => wall([...check, '--action', 'tool.list', '--resource', 'tool:any']),
    deny: () => wall([...check, '--action', 'tool.execute', '--resource', 'tool:palyra.echo']),
  },
  15,
);
console.log(
  `bare Node ${ms.bare.toFixed(0)} ms, one decision with cedar-wasm as documented ${ms.documented.toFixed(0)} ms`,
);
console.log(`palyra --version   bare + ${(ms.version - ms.bare).toFixed(0)} ms`);
console.log(`palyra --help      bare + ${(ms.help - ms.bare).toFixed(0)} ms`);
console.log(`a check that allows ${ms.allow.toFixed(0)} ms, ${(ms.allow / ms.documented).toFixed(2)} of documented`);
console.log(
  `a check that denies ${ms.deny.toFixed(0)} ms, ${(ms.deny / ms.documented).toFixed(2)} of documented, explained`,
);
