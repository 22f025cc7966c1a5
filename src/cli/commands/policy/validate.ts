import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import type { Validation } from '../../../flows/policy/validate-policies.ts';
import type { Finding } from '../../../policy/validation.ts';
import { count, printable } from '../../../text.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';
import { baselineOf, gateSchemaOf } from '../../policies.ts';

export function validate(cli: Cli): Command {
  const verb = command('validate')
    .summary('hold policies against the schema')
    .description('Hold policies against the schema in strict mode: every error and warning, with its place.')
    .argument('[path...]', 'files and folders, or - for standard input; without any, the policies in force')
    .option('--schema <file>', "another schema, as Cedar's text or JSON, instead of palyra.cedarschema")
    .action(ending(cli, async (paths, { schema }) => await validateAll(cli, paths, schema)));
  return worded(verb, {
    about: `The baseline is always among them, so that no policy takes a name of its. A text that is compared with an action or a
tool, and nearly is the name of one, is warned of: Cedar itself cannot know. With --schema neither is done: the policies
are any Cedar policies, templates included. Errors end with exit 6; warnings alone do not.`,
    examples: [
      { says: 'the policies in force', command: 'palyra policy validate' },
      {
        says: 'one file',
        command: `echo 'forbid (principal, action == Action::"tool.execute", resource);' > own.cedar && palyra policy validate own.cedar`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'check_failed'],
  });
}

async function validateAll(cli: Cli, paths: readonly string[], schema: string | undefined): Promise<ExitName> {
  if (schema !== undefined && paths.length === 0) {
    const hint = 'palyra policy validate --schema FILE POLICIES';
    throw new PalyraError('usage.invalid', '--schema needs the policies that it is the schema of', { hint });
  }
  const { validatePolicies } = await import('../../../flows/policy/validate-policies.ts');
  const [files, cedar, config] = await Promise.all([cli.world.files(), cli.world.cedar(), cli.config()]);
  const validation = validatePolicies(
    { files, cedar },
    {
      paths,
      configured: config.policyPaths,
      baseline: baselineOf(cli),
      gateSchema: gateSchemaOf(cli),
      schema,
    },
  );
  const errors = validation.findings.filter(({ severity }) => severity === 'error').length;
  if (cli.output.json) cli.output.value({ schema: 'palyra.policy.validate/1', valid: errors === 0, ...validation });
  else say(cli, validation, errors);
  return errors === 0 ? 'ok' : 'check_failed';
}

function say({ output }: Cli, { files, policies, findings }: Validation, errors: number): void {
  for (const finding of findings) for (const line of inWords(finding, output.paint)) output.answer(line);
  const warnings = findings.length - errors;
  const found = [
    ...(errors > 0 ? [count(errors, 'error')] : []),
    ...(warnings > 0 ? [count(warnings, 'warning')] : []),
  ].join(', ');
  const mark = errors > 0 ? output.paint.bad('✗') : output.paint.good('✓');
  output.answer(
    `${mark} ${count(policies, 'policy', 'policies')} in ${count(files, 'file')}: ${found === '' ? 'valid' : found}`,
  );
}

function inWords(
  { severity, file, line, column, message, help, frame }: Finding,
  paint: Cli['output']['paint'],
): string[] {
  const painted = severity === 'error' ? paint.bad('error') : paint.caution('warning');
  return [
    `${printable(file)}:${line}:${column}: ${painted}: ${printable(message)}`,
    ...(frame === undefined
      ? []
      : printable(frame, { lines: true })
          .split('\n')
          .map((row) => `  ${row}`)),
    ...(help === undefined ? [] : [`  ${paint.faint('hint:')} ${printable(help)}`]),
    '',
  ];
}
