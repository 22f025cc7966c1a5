import { PalyraError } from '../errors.ts';
import { nearest } from '../text.ts';
import { type EvaluationConfig, readEvaluationConfig } from './facts.ts';
import { type Located, readLocated } from './located.ts';
import { type PolicyRequest, readRecord, readRequest, refuseUnknown } from './request.ts';

/** A request, and what its answer has to say. */
export interface Scenario {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly request: PolicyRequest;
  /** undefined: the configuration in force */
  readonly config: EvaluationConfig | undefined;
  /** some of the answer of `policy check --json`, key by key */
  readonly expect: Expectation;
}

export type Expectation = Readonly<Record<string, unknown>>;

/** At most so many requests may a matrix spell out. */
const COMBINATIONS = 10_000;

/**
 * The scenarios of a file, a matrix spelt out: a list of scenarios, or `{config?, scenarios}`.
 * @throws PalyraError input.invalid, input.too_large, with file and line
 */
export async function readScenarios(text: string, file: string): Promise<Scenario[]> {
  const located = await readLocated(text, file);
  const page: Page = { ...located, file };
  if (located.value === null) {
    throw new PalyraError('input.invalid', `${file} holds no scenarios: it is empty`, { hint: EXAMPLE });
  }
  if (Array.isArray(located.value)) return readAll(page, located.value, [], undefined);
  const { scenarios, config } = at(page, [], () => {
    const { scenarios, config, ...rest } = readRecord(located.value, 'a file of scenarios');
    refuseUnknown(rest, ['scenarios', 'config'], 'a file of scenarios');
    if (!Array.isArray(scenarios)) throw new PalyraError('input.invalid', 'scenarios is not a list', { hint: EXAMPLE });
    return { scenarios, config };
  });
  return readAll(
    page,
    scenarios,
    ['scenarios'],
    config === undefined ? undefined : readConfig(page, ['config'], config),
  );
}

interface Page extends Located {
  readonly file: string;
}

type Path = readonly (string | number)[];

function readAll(page: Page, items: readonly unknown[], path: Path, shared: EvaluationConfig | undefined): Scenario[] {
  return items.flatMap((item, i) => readScenario(page, item, [...path, i], shared));
}

function readScenario(page: Page, item: unknown, path: Path, shared: EvaluationConfig | undefined): Scenario[] {
  const { name, request, config, expect, matrix } = at(page, path, () => {
    const { name, request, config, expect, matrix, ...rest } = readRecord(item, 'a scenario');
    refuseUnknown(rest, ['name', 'request', 'config', 'expect', 'matrix'], 'a scenario');
    if (typeof name !== 'string' || name === '')
      throw new PalyraError('input.invalid', 'a scenario has no name', { hint: EXAMPLE });
    if (expect === undefined) throw new PalyraError('input.invalid', `${name} expects nothing`, { hint: EXAMPLE });
    return { name, request, config, expect, matrix };
  });
  const common = {
    file: page.file,
    line: page.lineOf(path),
    config: config === undefined ? shared : readConfig(page, [...path, 'config'], config),
  };
  if (matrix === undefined) {
    const read = at(page, [...path, 'request'], () => readRequest(request));
    return [{ ...common, name, request: read, expect: at(page, [...path, 'expect'], () => readExpectation(expect)) }];
  }
  const axes = at(page, [...path, 'matrix'], () => readAxes(matrix));
  at(page, [...path, 'expect'], () => refuseStrangers(expect, axes));
  return combinations(axes).map((values) => ({
    ...common,
    name: `${name} · ${values.join(' · ')}`,
    request: at(page, [...path, 'request'], () => requestOf(request, axes, values)),
    expect: at(page, [...path, 'expect'], () => wordFor(expect, values)),
  }));
}

function readConfig(page: Page, path: Path, config: unknown): EvaluationConfig {
  return at(page, path, () => readEvaluationConfig(config));
}

function readExpectation(expect: unknown): Expectation {
  if (typeof expect === 'string') return readWord(expect);
  const expected = readRecord(expect, 'expect');
  refuseUnknown(
    Object.fromEntries(Object.entries(expected).filter(([key]) => !EXPECTED.includes(key))),
    EXPECTED,
    'expect',
  );
  if (expected.decision !== undefined && expected.decision !== 'allow' && expected.decision !== 'deny') {
    throw new PalyraError('input.invalid', 'expect.decision is allow or deny', { hint: 'approval_required: true' });
  }
  if (Object.keys(expected).length === 0) throw new PalyraError('input.invalid', 'expect is empty', { hint: EXAMPLE });
  return expected;
}

function readWord(word: unknown): Expectation {
  if (word === 'allow') return { decision: 'allow' };
  if (word === 'deny') return { decision: 'deny', approval_required: false };
  if (word === 'approval_required') return { decision: 'deny', approval_required: true };
  throw new PalyraError('input.invalid', 'expected is one of allow, deny, approval_required');
}

interface Axis {
  readonly key: string;
  readonly values: readonly string[];
}

/** `{principal: [user:ops, user:bob], action: [tool.list]}`, in this order. */
function readAxes(matrix: unknown): Axis[] {
  const lists = Object.entries(readRecord(matrix, 'matrix'));
  const axes = lists.map(([key, values]) => {
    if (!AXES.includes(key)) refuseUnknown({ [key]: values }, AXES, 'matrix');
    if (!Array.isArray(values) || values.length === 0 || !values.every((value) => typeof value === 'string')) {
      throw new PalyraError('input.invalid', `matrix.${key} is not a list of texts`);
    }
    return { key, values };
  });
  if (axes.length === 0) throw new PalyraError('input.invalid', 'matrix is empty', { hint: MATRIX });
  if (axes.reduce((product, { values }) => product * values.length, 1) > COMBINATIONS) {
    throw new PalyraError('input.too_large', `the matrix has more than ${COMBINATIONS} combinations`);
  }
  return axes;
}

function combinations(axes: readonly Axis[]): string[][] {
  return axes.reduce<string[][]>(
    (found, { values }) => found.flatMap((one) => values.map((value) => [...one, value])),
    [[]],
  );
}

function requestOf(base: unknown, axes: readonly Axis[], values: readonly string[]): PolicyRequest {
  const request: Record<string, unknown> = { ...readRecord(base ?? {}, 'a request') };
  const context: Record<string, unknown> = { ...readRecord(request.context ?? {}, 'context') };
  for (const [i, { key }] of axes.entries()) (CONTEXT_AXES.includes(key) ? context : request)[key] = values[i];
  return readRequest({ ...request, context });
}

/** What is expected of a combination: a word, or by the value of the first axis, then of the next; `*` for all others. */
function wordFor(expect: unknown, values: readonly string[]): Expectation {
  let found = expect;
  for (const value of values) {
    if (typeof found === 'string') break;
    const row = readRecord(found, 'what a matrix expects');
    found = Object.hasOwn(row, value) ? row[value] : row['*'];
    if (found === undefined) {
      throw new PalyraError('input.invalid', `nothing is expected of ${values.join(' · ')}`, { hint: MATRIX });
    }
  }
  return readWord(found);
}

/** A value that no axis has is a slip: its expectation would never be looked at. */
function refuseStrangers(expect: unknown, axes: readonly Axis[], depth = 0): void {
  const axis = axes[depth];
  if (axis === undefined || typeof expect !== 'object' || expect === null) return;
  for (const [key, below] of Object.entries(expect)) {
    if (key !== '*' && !axis.values.includes(key)) {
      const [near] = nearest(key, axis.values);
      throw new PalyraError('input.invalid', `${key.slice(0, 80)} is not in matrix.${axis.key}`, {
        hint: near === undefined ? MATRIX : `did you mean ${near}?`,
      });
    }
    refuseStrangers(below, axes, depth + 1);
  }
}

/** Say where in the file it went wrong. */
function at<T>({ file, lineOf }: Page, path: Path, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PalyraError)) throw error;
    const { code, message, why, hint } = error;
    throw new PalyraError(code, `${file}:${lineOf(path)}: ${message}`, {
      ...(why === undefined ? {} : { why }),
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

const CONTEXT_AXES: readonly string[] = ['device_id', 'channel', 'session_id', 'run_id', 'tool_name', 'skill_id'];
const AXES: readonly string[] = ['principal', 'action', 'resource', ...CONTEXT_AXES];
/** the keys of an answer that may be expected */
const EXPECTED: readonly string[] = [
  'decision',
  'reason_code',
  'approval_required',
  'matched_policies',
  'missing_grants',
  'facts',
  'requested_tool',
  'requested_skill',
  'request_capabilities',
];
const EXAMPLE =
  '- {name: …, request: {principal: user:ops, action: tool.list, resource: "tool:any"}, expect: {decision: allow}}';
const MATRIX = 'matrix: {principal: [a, b], action: [tool.list]}   expect: {a: {tool.list: allow}, "*": deny}';
