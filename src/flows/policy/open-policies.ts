import type { EffectiveConfig } from '../../config/effective.ts';
import { PalyraError } from '../../errors.ts';
import type { Evaluator } from '../../policy/decision.ts';
import type { Cedar } from '../../policy/engine.ts';
import { openEvaluator, type PolicyEvaluator } from '../../policy/evaluator.ts';
import { type NamedPolicy, namePolicies, type PolicySource, readPolicies, splitPolicies } from '../../policy/source.ts';
import type { Files } from '../../store/files.ts';
import { listConfiguredFiles, listPolicyFiles, POLICY_FILE, type PolicyFile } from './policy-files.ts';

/** The policies that decide, read, checked, named and ready to be asked. */
export interface PoliciesInForce extends Evaluator {
  readonly policies: readonly NamedPolicy[];
  readonly general: PolicyEvaluator;
  /** policies of a project's files that would permit, and so are left out */
  readonly ignored: readonly NamedPolicy[];
  /** files without a policy, which may have been meant to forbid */
  readonly empty: readonly string[];
}

/** Where policies come from. */
export interface PolicyPlaces {
  /** baseline.cedar; undefined with --no-baseline */
  readonly baseline: { readonly path: string; readonly shown: string } | undefined;
  /** files and folders given on the command line */
  readonly given: readonly string[];
  readonly configured: EffectiveConfig['policyPaths'];
}

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
  // a file that is named twice is read once
  const known = new Set<string>();
  const read = (found: readonly PolicyFile[]): PolicySource[] =>
    found
      .filter(({ path, shown }) => path === '-' || !known.has(shown))
      .flatMap(({ path, shown }) => {
        known.add(shown);
        return readPolicies(cedar, files.readText(path, POLICY_FILE), shown);
      });
  // the baseline was read by Cedar when palyra was built: here its tokens are enough
  const baseline =
    places.baseline === undefined
      ? []
      : splitPolicies(files.readText(places.baseline.path, POLICY_FILE), places.baseline.shown);
  const configured = (forbidOnly: boolean): PolicySource[] =>
    read(
      listConfiguredFiles(
        files,
        places.configured.filter((one) => one.forbidOnly === forbidOnly),
      ),
    );
  const own = configured(false);
  const given = read(listPolicyFiles(files, places.given));
  const project = configured(true);
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
    empty: [...known].filter((shown) => !named.some(({ file }) => file === shown)),
    evaluate: (context) => general.evaluate(context),
    evaluateApproved: (context, denied) => general.evaluateApproved(context, denied),
    effectOf: (id) => effects.get(id),
  };
}

function placeOf({ file, index }: PolicySource): string {
  return `${file}#${index}`;
}
