import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCedar } from '../../../src/adapters/cedar/cedar.ts';
import { files } from '../../../src/adapters/files.ts';
import { applyFormat, formatText, planFormat } from '../../../src/flows/policy/format-policies.ts';
import { readPolicies } from '../../../src/policy/source.ts';
import { policyBody, policyScope } from '../../policy/cedar-arbitraries.ts';

const cedar = openCedar();

/** Policies with a comment in every gap that a person would put one in. */
const commented = fc
  .array(fc.tuple(fc.constantFrom('permit', 'forbid'), policyScope, policyBody), { minLength: 1, maxLength: 3 })
  .map((policies) => {
    let n = 0;
    const comment = (): string => `// comment ${n++}: "{\n`;
    const texts = policies.map(
      ([effect, scope, body]) =>
        `${comment()}\n${comment()}@id("p${n}") ${comment()}${effect}( ${comment()}${scope}) ${comment()}${body}\n${comment()}; ${comment()}`,
    );
    return { text: texts.join('\n\n'), comments: n };
  });

test('formatting loses no comment and no meaning, and formatting again changes nothing', () => {
  fc.assert(
    fc.property(commented, ({ text, comments }) => {
      const formatted = formatText(cedar, text, 'a.cedar');
      expect(formatted.match(/\/\/ comment \d+: "\{$/gm)).toHaveLength(comments);
      expect(meaning(formatted)).toEqual(meaning(text));
      expect(formatText(cedar, formatted, 'a.cedar')).toBe(formatted);
    }),
    { numRuns: 300 },
  );
});

function meaning(text: string): unknown {
  return readPolicies(cedar, text, 'a.cedar').map((policy) => cedar.policyJson(policy.text));
}

test('the baseline is formatted', () => {
  const folder = join(import.meta.dirname, '../../../policies');
  expect(planFormat({ files, cedar }, [folder]).filter(({ before, after }) => after !== before)).toEqual([]);
});

test('a file keeps its mode and its name, through a symlink too, and nothing is left beside it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-fmt-'));
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real/a.cedar'), 'permit(principal,action,resource);');
  chmodSync(join(folder, 'real/a.cedar'), 0o640);
  symlinkSync('real/a.cedar', join(folder, 'link.cedar'));
  applyFormat({ files }, planFormat({ files, cedar }, [join(folder, 'link.cedar')]));
  expect(readFileSync(join(folder, 'real/a.cedar'), 'utf8')).toBe('permit (principal, action, resource);\n');
  expect(statSync(join(folder, 'real/a.cedar')).mode & 0o7777).toBe(0o640);
  expect(readdirSync(folder, { recursive: true }).toSorted()).toEqual(['link.cedar', 'real', 'real/a.cedar']);
});

test('a file that does not parse leaves all files as they were', () => {
  const folder = mkdtempSync(join(tmpdir(), 'palyra-fmt-'));
  writeFileSync(join(folder, 'a.cedar'), 'permit(principal,action,resource);');
  writeFileSync(join(folder, 'b.cedar'), 'permit(princpal,action,resource);');
  expect(() => planFormat({ files, cedar }, [folder])).toThrow(`${folder}/b.cedar:1:8`);
  expect(readFileSync(join(folder, 'a.cedar'), 'utf8')).toBe('permit(principal,action,resource);');
});
