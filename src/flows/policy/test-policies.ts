import { PalyraError } from '../../errors.ts';
import { answerOf } from '../../policy/answer.ts';
import { type Coverage, openCoverage, type PolicyCoverage } from '../../policy/coverage.ts';
import { decide, gateContext } from '../../policy/decision.ts';
import { cedarCallOf } from '../../policy/evaluator.ts';
import { establishFacts, evaluationConfigOf } from '../../policy/facts.ts';
import { type NormalizedRequest, normalizeRequest } from '../../policy/request.ts';
import { readScenarios, type Scenario } from '../../policy/scenario.ts';
import type { NamedPolicy } from '../../policy/source.ts';
import type { Files } from '../../store/files.ts';
import { compareText } from '../../text.ts';
import { type CheckDesk, type ExplainedDecision, explainDecision } from './check-policy.ts';

/** Something that the answer says otherwise than expected. */
export interface Difference {
  /** dotted: `facts.is_sensitive_action` */
  readonly key: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** How a scenario ended; the decision is explained where it failed. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly differences: readonly Difference[];
  readonly explained: ExplainedDecision | undefined;
}

export interface TestRun {
  readonly results: readonly ScenarioResult[];
  readonly coverage: readonly PolicyCoverage[];
}

const LIMITS = { bytes: 4 * 1024 * 1024, what: 'scenario file' };
const ENDINGS = ['.yaml', '.yml', '.json', '.jsonl'];

/**
 * The scenarios of files and folders.
 * @throws PalyraError input.invalid with file and line; store.not_found
 */
export async function loadScenarios(
  { files }: { readonly files: Files },
  paths: readonly string[],
): Promise<Scenario[]> {
  const found = paths.flatMap((path) => (path === '-' ? path : files.listFiles(path, ENDINGS, LIMITS.what)));
  const scenarios: Scenario[] = [];
  for (const path of found) {
    const name = path === '-' ? 'standard input' : path;
    for (const scenario of await readScenarios(files.readText(path, LIMITS), name)) scenarios.push(scenario);
  }
  return scenarios;
}

/**
 * Decide each scenario and compare the answer with what it expects.
 * @param watched the policies whose coverage is measured
 */
export function testPolicies(
  desk: CheckDesk,
  scenarios: readonly Scenario[],
  watched: readonly NamedPolicy[],
): TestRun {
  const coverage = openCoverage(desk.cedar, watched);
  const results = scenarios.map((scenario) => runScenario(desk, scenario, coverage));
  return { results, coverage: coverage.found() };
}

function runScenario(desk: CheckDesk, scenario: Scenario, coverage: Coverage): ScenarioResult {
  const config = scenario.config ?? evaluationConfigOf(desk.config.settings);
  const request = tryNormalize(scenario);
  if (request instanceof PalyraError) {
    const difference = { key: 'request', expected: 'one that can be decided', actual: request.message };
    return { scenario, differences: [difference], explained: undefined };
  }
  const facts = establishFacts(request, config);
  coverage.look(cedarCallOf(gateContext(request, facts, config.allowSensitiveTools)));
  const decision = decide({ request, facts }, config, desk.inForce);
  const differences = compare(scenario.expect, answerOf(decision), '');
  const explained = differences.length === 0 ? undefined : explainDecision(desk, decision, config);
  return { scenario, differences, explained };
}

/** A request that contradicts itself fails its scenario alone. */
function tryNormalize({ request }: Scenario): NormalizedRequest | PalyraError {
  try {
    return normalizeRequest(request);
  } catch (error) {
    if (error instanceof PalyraError) return error;
    throw error;
  }
}

/** Records key by key, for those that are expected; lists in any order. */
function compare(expected: unknown, actual: unknown, key: string): Difference[] {
  if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
    return Object.entries(expected).flatMap(([name, value]) =>
      compare(
        value,
        Object.hasOwn(Object(actual), name) ? Object(actual)[name] : undefined,
        key === '' ? name : `${key}.${name}`,
      ),
    );
  }
  return canonical(expected) === canonical(actual) ? [] : [{ key, expected, actual }];
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(Array.isArray(value) ? value.map((item) => String(item)).sort(compareText) : value);
}
