import { nearest } from '../text.ts';
import { bytesBefore, type Diagnostic, diagnose } from './diagnostic.ts';
import type { Cedar, DetailedError, SchemaJson, ValidationError } from './engine.ts';
import { readLooks } from './looks.ts';
import { diagnoseAll, diagnoseStop, isStop, nameOf, type PolicySource, readPolicies } from './source.ts';

/** Something that validation found. An error is wrong; a warning is most probably not what was meant. */
export interface Finding extends Diagnostic {
  readonly severity: 'error' | 'warning';
  /** the policy, by its name; undefined where the file does not parse */
  readonly policy: string | undefined;
}

/** The names that policies may compare with; undefined to take any. */
export interface Vocabulary {
  readonly actions: readonly string[];
  readonly tools: readonly string[];
}

/** What a file holds, and what is wrong with it. */
export interface ValidatedFile {
  readonly text: string;
  readonly policies: readonly PolicySource[];
  readonly findings: readonly Finding[];
}

/**
 * Hold a file of policies against a schema, in Cedar's strict mode, templates included.
 * @param schema one that Cedar has parsed
 * @param vocabulary what `context.action == "…"` and the like are held against: to Cedar any text is as good as another
 */
export function validateFile(
  cedar: Cedar,
  { text, file }: { readonly text: string; readonly file: string },
  schema: string | SchemaJson<string>,
  vocabulary: Vocabulary | undefined,
): ValidatedFile {
  const parts = cedar.parts(text);
  if (!parts.ok) {
    const findings = diagnoseAll(cedar, parts.errors, text, file).map((one) => finding('error', undefined, one));
    return { text, policies: [], findings };
  }
  const policies = readPolicies(cedar, text, file);
  const findings = [
    ...(policies.length > 0 || file === '/dev/null' ? [] : [nothingIn(file)]),
    ...askCedar(cedar, { text, file, policies }, schema),
    ...(vocabulary === undefined ? [] : policies.flatMap((policy) => findSlips(cedar, policy, text, vocabulary))),
  ];
  return { text, policies, findings };
}

/** A file that was emptied by mistake forbids nothing any more. */
function nothingIn(file: string): Finding {
  const place = { file, line: 1, column: 1, help: undefined, frame: undefined };
  return { severity: 'warning', policy: undefined, ...place, message: 'the file holds no policy' };
}

/** Policies of one name: whoever reads a decision could not tell which it was. */
export function findDuplicates(files: readonly Pick<ValidatedFile, 'text' | 'policies'>[]): Finding[] {
  const first = new Map<string, PolicySource>();
  return files.flatMap(({ text, policies }) =>
    policies.flatMap((policy) => {
      const name = nameOf(policy);
      const other = first.get(name);
      if (other === undefined) {
        first.set(name, policy);
        return [];
      }
      const message = `two policies are called ${name}; the other is ${other.file}:${other.startLine}`;
      return [findingAt('error', policy, text, beginning(policy), message, 'give each its own @id("…")')];
    }),
  );
}

/** Templates, which the gate cannot use: it has no links. */
export function findTemplates({ text, policies }: Pick<ValidatedFile, 'text' | 'policies'>): Finding[] {
  return policies
    .filter(({ isTemplate }) => isTemplate)
    .map((policy) => {
      const message = `${nameOf(policy)} is a template, which says nothing until it is linked`;
      const help = 'palyra policy check --no-baseline --links FILE evaluates templates';
      return findingAt('error', policy, text, beginning(policy), message, help);
    });
}

interface ReadFile {
  readonly text: string;
  readonly file: string;
  readonly policies: readonly PolicySource[];
}

function askCedar(cedar: Cedar, { text, file, policies }: ReadFile, schema: string | SchemaJson<string>): Finding[] {
  const statics = policies.filter(({ isTemplate }) => !isTemplate);
  const templates = policies.filter(({ isTemplate }) => isTemplate);
  const answer = cedar.validate(
    {
      staticPolicies: without(text, templates),
      templates: Object.fromEntries(templates.map((template, i) => [`template${i}`, template.text])),
      templateLinks: [],
    },
    schema,
  );
  if (!answer.ok) {
    const stopper = answer.errors.some(isStop) ? policies.find((policy) => stopsAt(cedar, policy, schema)) : undefined;
    if (stopper !== undefined) return [finding('error', nameOf(stopper), diagnoseStop(stopper, text))];
    return answer.errors.map((error) => finding('error', undefined, diagnose(error, text, file)));
  }
  const read = (severity: Finding['severity'], { policyId, error }: ValidationError): Finding => {
    const number = Number(/\d+$/.exec(policyId)?.[0]);
    const policy = policyId.startsWith('template') ? templates[number] : statics[number];
    const placed = policy?.isTemplate === true ? moved(error, bytesBefore(text, policy.start)) : error;
    return finding(severity, policy && nameOf(policy), diagnose(placed, text, file));
  };
  const errors = answer.value.errors.map((error) => read('error', error));
  const wrong = new Set(errors.map(({ policy }) => policy));
  // that a policy with an error in it never applies is no news
  const warnings = answer.value.warnings.map((warning) => read('warning', warning));
  return joinAlike([...errors, ...warnings.filter(({ policy }) => !wrong.has(policy))]);
}

function stopsAt(cedar: Cedar, { text, isTemplate }: PolicySource, schema: string | SchemaJson<string>): boolean {
  const set = isTemplate ? { staticPolicies: '', templates: { template0: text } } : { staticPolicies: text };
  const answer = cedar.validate({ templates: {}, templateLinks: [], ...set }, schema);
  return !answer.ok && answer.errors.some(isStop);
}

/** Cedar says the same of a place once for each action that a policy is about, in any order: here it is said once. */
function joinAlike(findings: readonly Finding[]): Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const found of findings) {
    const key = `${found.severity} ${found.line}:${found.column} ${found.message.replace(FOR_ACTION, '')}`;
    groups.set(key, [...(groups.get(key) ?? []), found]);
  }
  return [...groups.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return [];
    return [more.length === 0 ? first : { ...first, message: first.message.replace(FOR_ACTION, '') }];
  });
}

const FOR_ACTION = / (?:in context )?for (?:\w+::)*Action::"(?:[^"\\]|\\.)*"/;

/** The text with blanks in place of some policies, as many bytes as they have: every other place stays where it is. */
function without(text: string, policies: readonly PolicySource[]): string {
  let kept = '';
  let from = 0;
  for (const { start, end } of policies) {
    kept += text.slice(from, start) + ' '.repeat(byteLength(text.slice(start, end)));
    from = end;
  }
  return kept + text.slice(from);
}

function moved(error: DetailedError, bytes: number): DetailedError {
  const sourceLocations = error.sourceLocations?.map((place) => ({
    ...place,
    start: place.start + bytes,
    end: place.end + bytes,
  }));
  return { ...error, ...(sourceLocations === undefined ? {} : { sourceLocations }) };
}

/** Texts that a policy compares with an action or a tool, and that are nearly, but not quite, the name of one. */
function findSlips(cedar: Cedar, policy: PolicySource, text: string, vocabulary: Vocabulary): Finding[] {
  const parsed = policy.isTemplate ? cedar.templateJson(policy.text) : cedar.policyJson(policy.text);
  if (!parsed.ok) return [];
  const { names: compared, patterns } = readLooks([{ ...parsed.value, action: { op: 'All' } }]);
  const textsOf = (part: string): string[] => [
    ...(compared.get(part) ?? []),
    ...(patterns.get(part) ?? []).map((pattern) => pattern.join('')),
  ];
  const slips = (part: string, kind: string, names: readonly string[], prefix = ''): Finding[] =>
    textsOf(part)
      .filter((found) => found.startsWith(prefix))
      .flatMap((found) => {
        const name = found.slice(prefix.length);
        const [near] = names.includes(name) ? [] : nearest(name, names);
        return near === undefined ? [] : [slip(policy, text, found, `no ${kind} is called ${name}`, near)];
      });
  return [
    ...slips('action', 'action', vocabulary.actions),
    ...slips('tool_name', 'tool', vocabulary.tools),
    ...slips('resource', 'tool', vocabulary.tools, 'tool:'),
  ];
}

function slip(policy: PolicySource, text: string, found: string, message: string, near: string): Finding {
  const literal = JSON.stringify(found);
  const at = policy.text.indexOf(literal);
  const start = policy.start + at;
  // written with escapes of its own, it is not found
  const place = at === -1 ? beginning(policy) : { start, end: start + literal.length };
  return findingAt('warning', policy, text, place, message, `did you mean ${near}?`);
}

/** The first line of a policy. */
function beginning({ start, text }: PolicySource): { start: number; end: number } {
  return { start, end: start + (text.split(/[\r\n]/)[0] ?? '').length };
}

/** Something that we found ourselves, shown as Cedar's own are. */
function findingAt(
  severity: Finding['severity'],
  policy: PolicySource,
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
  message: string,
  help: string,
): Finding {
  const sourceLocations = [{ label: null, start: bytesBefore(text, start), end: bytesBefore(text, end) }];
  const error: DetailedError = { message, help, code: null, url: null, severity: null, sourceLocations };
  return finding(severity, nameOf(policy), diagnose(error, text, policy.file));
}

function finding(severity: Finding['severity'], policy: string | undefined, diagnostic: Diagnostic): Finding {
  return { severity, policy, ...diagnostic };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
