import type { EffectiveConfig } from '../config/effective.ts';
import { PalyraError } from '../errors.ts';
import type { Evaluator } from '../policy/decision.ts';
import type { Cedar } from '../policy/engine.ts';
import { openEvaluator, type PolicyEvaluator } from '../policy/evaluator.ts';
import { type NamedPolicy, namePolicies, type PolicySource, readPolicies, splitPolicies } from '../policy/source.ts';
import type { Files } from '../store/files.ts';

/** The policies that decide, read, checked, named and ready to be asked. */
export interface PoliciesInForce extends Evaluator {
  readonly policies: readonly NamedPolicy[];
  readonly general: PolicyEvaluator;
  /** policies of a project's files that would permit, and so are left out */
  readonly ignored: readonly NamedPolicy[];
}

/** Where policies come from. */
export interface PolicyPlaces {
  /** baseline.cedar; undefined with --no-baseline */
  readonly baseline: { readonly path: string; readonly shown: string } | undefined;
  /** files and folders given on the command line */
  readonly given: readonly string[];
  readonly configured: EffectiveConfig['policyPaths'];
}

const LIMITS = { bytes: 64 * 1024 * 1024, what: 'policy file' };

/**
 * Read and check all policies.
 * @param slot where Cedar keeps them; two sets at once need two
 * @throws PalyraError input.invalid (file:line:column), store.not_found
 */
export function openPolicies(
  { files, cedar }: { readonly files: Files; readonly cedar: Cedar },
  places: PolicyPlaces,
  slot = 'policies',
): PoliciesInForce {
  const read = (path: string, shown: string): PolicySource[] =>
    readPolicies(cedar, files.readText(path, LIMITS), shown);
  // a file that is named twice is read once
  const known = new Set<string>();
  const isNew = (file: string): boolean => !known.has(file) && known.add(file).has(file);
  const below = (path: string): PolicySource[] =>
    files
      .listFiles(path, '.cedar', LIMITS.what)
      .filter(isNew)
      .flatMap((file) => read(file, file));
  // the baseline was read by Cedar when palyra was built: here its tokens are enough
  const baseline =
    places.baseline === undefined
      ? []
      : splitPolicies(files.readText(places.baseline.path, LIMITS), places.baseline.shown);
  const own = places.configured.filter(({ forbidOnly }) => !forbidOnly).flatMap(({ path }) => below(path));
  const given = places.given.flatMap((path) => (path === '-' ? read('-', 'standard input') : below(path)));
  const project = places.configured.filter(({ forbidOnly }) => forbidOnly).flatMap(({ path }) => below(path));
  const named = namePolicies([...baseline, ...own, ...given, ...project]);
  const [first] = named.filter(({ isTemplate }) => isTemplate);
  if (first !== undefined) {
    throw new PalyraError(
      'input.invalid',
      `${first.file}:${first.line}: ${first.id} is a template, which says nothing until it is linked`,
      {
        hint: 'palyra policy check --no-baseline --links FILE evaluates templates',
      },
    );
  }
  const widening = new Set(project.filter(({ effect }) => effect === 'permit').map(placeOf));
  const policies = named.filter((policy) => !widening.has(placeOf(policy)));
  const effects = new Map(policies.map(({ id, effect }) => [id, effect]));
  const general = openEvaluator(cedar, slot, policies);
  return {
    policies,
    general,
    ignored: named.filter((policy) => widening.has(placeOf(policy))),
    evaluate: (context) => general.evaluate(context),
    evaluateApproved: (context, denied) => general.evaluateApproved(context, denied),
    effectOf: (id) => effects.get(id),
  };
}

function placeOf({ file, index }: PolicySource): string {
  return `${file}#${index}`;
}
