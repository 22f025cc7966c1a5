import type { Command } from 'commander';
import { PalyraError } from '../../../errors.ts';
import type { PolicyRequest } from '../../../policy/request.ts';
import { type CallOptions, contextFrom } from '../../call-options.ts';
import { type Cli, ending } from '../../cli.ts';
import { command, gather, worded } from '../../command.ts';
import type { ExitName } from '../../exits.ts';

export function check(cli: Cli): Command {
  const verb = command('check')
    .summary('is this request allowed, and why')
    .description('Decide a request by the policies in force, and explain the decision.')
    .option('--principal <principal>', 'who asks, e.g. user:ops')
    .option('--action <action>', 'what they want to do, e.g. tool.execute')
    .option('--resource <resource>', 'on what, e.g. tool:palyra.echo')
    .option('--tool <tool>', 'the tool, where the resource does not name it')
    .option('--skill <skill>', 'the skill')
    .option('--channel <channel>', 'where the request comes from, e.g. discord:ops')
    .option('--device <device>', 'the device it comes from')
    .option('--session <session>', 'the conversation')
    .option('--run <run>', 'the run')
    .option('--capability <capability>', 'a capability that the tool asks for (repeatable)', gather, [])
    .option('--request <file>', 'read the request as JSON (- for standard input)')
    .option('--batch <file>', 'answer a file of requests, one JSON object a line, in order (- for standard input)')
    .option('--assume-config', 'let a line of a batch bring its own "config": what would be')
    .option(
      '--policies <path>',
      'a .cedar file or folder of your own, besides those of palyra.toml (repeatable)',
      gather,
      [],
    )
    .option('--no-baseline', 'evaluate any Cedar request against --policies alone, exactly as Cedar does')
    .option('--schema <file>', 'with --no-baseline: read entities and context by this schema')
    .option('--entities <file>', 'with --no-baseline: the entities')
    .option('--links <file>', 'with --no-baseline: template links')
    .option('--validate-request', 'with --schema: refuse a request that the schema does not allow')
    .action(ending(cli, async (options) => await checkAs(cli, options)));
  return worded(verb, {
    about: `Exit 0 is allow, 10 deny, 11 deny that an approval would turn into an allow. Nothing is written.

This is the answer of policy alone, and so is each line of a batch: posture may still disable the tool or ask an
operator, which a single check says beside the ALLOW. palyra approvals request is the whole gate, with posture on top.

A request is flags, or JSON: {"principal", "action", "resource", "context": {"device_id", "channel", "session_id",
"run_id", "tool_name", "skill_id", "capabilities": []}}. A line of a batch may add "id". A bad line is answered with its
error and its number, and the rest go on; a batch answers in JSON lines and exits with the gravest of 2, 10, 11, 0.

With --no-baseline a request is {"principal": {"type", "id"}, "action": …, "resource": …, "context": {}, "entities": []}.`,
    examples: [
      {
        says: 'a read is allowed by the baseline',
        command: 'palyra policy check --principal user:ops --action tool.list --resource tool:any',
      },
      {
        says: 'a tool that nobody has allowed',
        command: 'palyra policy check --principal user:ops --action tool.execute --resource tool:palyra.echo --json',
      },
      {
        says: 'requests from a program',
        command: `echo '{"principal":"user:ops","action":"memory.purge","resource":"memory:session"}' | palyra policy check --batch -`,
      },
    ],
    exits: ['ok', 'usage', 'not_found', 'deny', 'approval_required'],
  });
}

interface CheckOptions extends CallOptions {
  readonly principal?: string | undefined;
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
  readonly request?: string | undefined;
  readonly batch?: string | undefined;
  readonly assumeConfig?: true | undefined;
  readonly policies: readonly string[];
  readonly baseline: boolean;
  readonly schema?: string | undefined;
  readonly entities?: string | undefined;
  readonly links?: string | undefined;
  readonly validateRequest?: true | undefined;
}

/** Each kind of check is a door of its own, so that one does not load the others. */
async function checkAs(cli: Cli, options: CheckOptions): Promise<ExitName> {
  refuseContradictions(options);
  if (!options.baseline) {
    const { checkCedar } = await import('./check-cedar.ts');
    return await checkCedar(cli, options);
  }
  if (options.batch !== undefined) {
    const { checkBatch } = await import('./check-batch.ts');
    return await checkBatch(cli, { ...options, batch: options.batch });
  }
  const { checkOne } = await import('./check-one.ts');
  return await checkOne(cli, options.policies, options.request ?? requestFrom(options));
}

const CEDAR_ONLY = ['schema', 'entities', 'links', 'validateRequest'] as const;
const FLAGS = ['principal', 'action', 'resource', 'tool', 'skill', 'channel', 'device', 'session', 'run'] as const;

function refuseContradictions(options: CheckOptions): void {
  const hint = 'palyra policy check --help';
  const flag =
    FLAGS.find((name) => options[name] !== undefined) ?? (options.capability.length > 0 ? 'capability' : undefined);
  const sources = [options.request, options.batch, flag].filter((source) => source !== undefined);
  if (sources.length > 1) {
    throw new PalyraError(
      'usage.invalid',
      'a request comes from flags, from --request or from --batch, not from several',
      { hint },
    );
  }
  const cedarOnly = options.baseline ? CEDAR_ONLY.find((name) => options[name] !== undefined) : undefined;
  if (cedarOnly !== undefined) {
    const name = cedarOnly === 'validateRequest' ? 'validate-request' : cedarOnly;
    throw new PalyraError('usage.invalid', `--${name} is for --no-baseline: the gate's own requests have no ${name}`, {
      hint,
    });
  }
  if (options.validateRequest === true && options.schema === undefined) {
    throw new PalyraError('usage.invalid', '--validate-request needs --schema', { hint });
  }
  if (options.assumeConfig === true && (options.batch === undefined || !options.baseline)) {
    throw new PalyraError('usage.invalid', '--assume-config is for --batch', { hint });
  }
  if (
    !options.baseline &&
    (options.policies.length === 0 || (options.request === undefined && options.batch === undefined))
  ) {
    throw new PalyraError('usage.invalid', '--no-baseline needs --policies, and --request or --batch', { hint });
  }
}

/** The request that the flags spell. An empty flag is most often a variable that is not set. */
function requestFrom(options: CheckOptions): PolicyRequest {
  const required = (name: 'principal' | 'action' | 'resource'): string => {
    const value = options[name];
    if (value !== undefined && value !== '') return value;
    throw new PalyraError('usage.invalid', value === undefined ? `--${name} is missing` : `--${name} is empty`, {
      hint: 'palyra policy check --principal user:ops --action tool.list --resource tool:any',
    });
  };
  return {
    principal: required('principal'),
    action: required('action'),
    resource: required('resource'),
    context: contextFrom(options),
  };
}
