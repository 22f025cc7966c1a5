import type { ScenarioResult } from '../../../flows/policy/test-policies.ts';
import { printable } from '../../../text.ts';

/**
 * JUnit's XML, as CI systems read it: a suite a file, a case a scenario. Nothing foreign is left to the parser.
 * @param describe in printable lines
 */
export function junitXml(results: readonly ScenarioResult[], describe: (result: ScenarioResult) => string): string {
  const files = [...new Set(results.map(({ scenario }) => scenario.file))];
  const suites = files.flatMap((file) => {
    const own = results.filter(({ scenario }) => scenario.file === file);
    return [
      `  <testsuite ${counts(own)} name="${escapeXml(printable(file))}">`,
      ...own.flatMap((result) => caseLines(result, describe)),
      '  </testsuite>',
    ];
  });
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts(results)}>`,
    ...suites,
    '</testsuites>',
  ];
  return `${lines.join('\n')}\n`;
}

function counts(results: readonly ScenarioResult[]): string {
  const failed = results.filter(({ differences }) => differences.length > 0).length;
  return `tests="${results.length}" failures="${failed}"`;
}

function caseLines(result: ScenarioResult, describe: (result: ScenarioResult) => string): string[] {
  const { name, file, line } = result.scenario;
  const opening = `    <testcase classname="${escapeXml(printable(file))}" name="${escapeXml(printable(name))}" file="${escapeXml(printable(file))}" line="${line}"`;
  if (result.differences.length === 0) return [`${opening}/>`];
  const keys = result.differences.map(({ key }) => key).join(', ');
  return [
    `${opening}>`,
    `      <failure message="${escapeXml(printable(`differs in ${keys}`))}">${escapeXml(describe(result))}</failure>`,
    '    </testcase>',
  ];
}

/** @param text as it is shown on a terminal: controls that XML has no place for come as `\u{…}` */
function escapeXml(text: string): string {
  return text.replace(/[&<>"'\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}
