import { PalyraError } from '../errors.ts';
import { compareText } from '../text.ts';
import { bytesBefore, type Diagnostic, diagnose, refusePolicies, withoutBom } from './diagnostic.ts';
import { type Cedar, type DetailedError, STOPPED } from './engine.ts';

/** One policy as it stands in a file. Offsets are UTF-16 code units of the text without its BOM. */
export interface PolicySource {
  readonly file: string;
  /** its place in the file, from 0: Cedar calls it `policy<index>`, templates counted */
  readonly index: number;
  readonly start: number;
  readonly end: number;
  /** where it begins, annotations included; from 1 */
  readonly startLine: number;
  /** where its `permit` or `forbid` stands; from 1 */
  readonly line: number;
  readonly text: string;
  readonly annotations: ReadonlyMap<string, string>;
  readonly effect: 'permit' | 'forbid';
  /** whether it has slots, and so says nothing until it is linked */
  readonly isTemplate: boolean;
  readonly scope: Scope;
}

export interface Scope {
  readonly principal: Constraint;
  readonly action: Constraint;
  readonly resource: Constraint;
}

/** What a head asks of one variable. `other`: in words that are not read here, so it may match anything. */
export type Constraint =
  | { readonly op: 'any' }
  | { readonly op: '=='; readonly entity: EntityUid | Slot }
  | { readonly op: 'in'; readonly entities: readonly (EntityUid | Slot)[] }
  | { readonly op: 'is'; readonly type: string; readonly in?: EntityUid | Slot }
  | { readonly op: 'other' };

export interface EntityUid {
  readonly type: string;
  readonly id: string;
}

/** `?principal` or `?resource`. */
export interface Slot {
  readonly slot: string;
}

/** A policy and the name that it is reported by: its `@id`, else `<file name>:<n>`, counted from 1. */
export interface NamedPolicy extends PolicySource {
  readonly id: string;
}

/**
 * The policies of a file, checked against Cedar's own reading of it.
 * @throws PalyraError input.invalid: what Cedar found wrong, with file, line and column
 */
export function readPolicies(cedar: Pick<Cedar, 'parts'>, text: string, file: string): PolicySource[] {
  const sources = trySplit(text, file);
  if (sources !== undefined && pieces(sources, text).every(({ piece, own }) => isReadAlike(cedar, piece, own)))
    return sources;
  // something is wrong: Cedar says what and where, of the whole
  const parts = cedar.parts(text);
  if (!parts.ok) throw refusePolicies(diagnoseAll(cedar, parts.errors, text, file));
  throw new Error(`${file} was not split as Cedar splits it`);
}

/** What is wrong with a text; where Cedar stopped, the policy at which it does. */
export function diagnoseAll(
  cedar: Pick<Cedar, 'parts'>,
  errors: readonly DetailedError[],
  text: string,
  file: string,
): Diagnostic[] {
  const policy = errors.some(isStop) ? trySplit(text, file)?.find((source) => stopsAt(cedar, source)) : undefined;
  return policy === undefined ? errors.map((error) => diagnose(error, text, file)) : [diagnoseStop(policy, text)];
}

/** Whether Cedar stopped. */
export function isStop({ code }: Pick<DetailedError, 'code'>): boolean {
  return code === STOPPED;
}

/** A policy that Cedar does not get through. */
export function diagnoseStop(policy: PolicySource, text: string): Diagnostic {
  const [first = ''] = policy.text.split(/[\r\n]/);
  const [start, end] = [policy.start, policy.start + first.length].map((offset) => bytesBefore(text, offset));
  const sourceLocations = [{ label: null, start: start ?? 0, end: end ?? 0 }];
  const message = `${nameOf(policy)} is nested too deep, or has too many terms: Cedar cannot read it`;
  const help = 'write it as several policies, or [a, b, c].contains(x) for x == a || x == b || x == c';
  return diagnose({ message, help, code: null, url: null, severity: null, sourceLocations }, text, policy.file);
}

function stopsAt(cedar: Pick<Cedar, 'parts'>, { text }: PolicySource): boolean {
  const parts = cedar.parts(text);
  return !parts.ok && parts.errors.some(isStop);
}

function trySplit(text: string, file: string): PolicySource[] | undefined {
  try {
    return splitPolicies(text, file);
  } catch (error) {
    if (error instanceof PalyraError) return undefined;
    throw error;
  }
}

/** The whole text in stretches of at most so many policies: Cedar's time grows faster than its text (10,000: 1.5 s, or 0.3 s). */
const PIECE = 500;

function pieces(sources: readonly PolicySource[], text: string): { piece: string; own: readonly PolicySource[] }[] {
  const whole = withoutBom(text);
  const count = Math.max(1, Math.ceil(sources.length / PIECE));
  return Array.from({ length: count }, (_, n) => ({
    piece: whole.slice(n === 0 ? 0 : sources[n * PIECE]?.start, sources[(n + 1) * PIECE]?.start),
    own: sources.slice(n * PIECE, (n + 1) * PIECE),
  }));
}

function isReadAlike(cedar: Pick<Cedar, 'parts'>, piece: string, own: readonly PolicySource[]): boolean {
  const parts = cedar.parts(piece);
  if (!parts.ok) return false;
  const statics = own.filter((source) => !source.isTemplate);
  const others = own.filter((source) => source.isTemplate);
  return holdsSame(statics, parts.value.policies) && holdsSame(others, parts.value.templates);
}

/** Cedar gives its texts in the order policy0, policy1, policy10, …, so order says nothing. */
function holdsSame(sources: readonly PolicySource[], texts: readonly string[]): boolean {
  const ours = sources.map((source) => source.text).sort(compareText);
  const theirs = texts.toSorted(compareText);
  return ours.length === theirs.length && ours.every((text, i) => text === theirs[i]);
}

/**
 * Split a policy text, in source order, by tokens alone. Whether it means anything is for Cedar to say.
 * @param file for the messages
 * @throws PalyraError input.invalid when a piece is no policy; a text that Cedar parses has none
 */
export function splitPolicies(text: string, file: string): PolicySource[] {
  const source = withoutBom(text);
  const lineAt = countLines(source);
  return findStatements(source).map(({ tokens, start, end }, index) => {
    const head = findHead(tokens);
    const startLine = lineAt(start);
    const line = lineAt(head?.start ?? start);
    if (head === undefined) {
      throw new PalyraError('input.invalid', `${file}:${line}: not a policy`, {
        hint: 'a policy is permit or forbid, then (principal, action, resource), conditions, and ;',
      });
    }
    return {
      file,
      index,
      start,
      end,
      startLine,
      line,
      text: source.slice(start, end),
      annotations: readAnnotations(tokens),
      effect: head.effect,
      isTemplate: tokens.some((token) => token.text.startsWith('?')),
      scope: head.scope,
    };
  });
}

/**
 * Give each policy its name.
 * @throws PalyraError input.invalid when two have the same
 */
export function namePolicies(sources: readonly PolicySource[]): NamedPolicy[] {
  const named = new Map<string, NamedPolicy>();
  for (const source of sources) {
    const id = nameOf(source);
    const other = named.get(id);
    if (other !== undefined) {
      throw new PalyraError('input.invalid', `two policies are called ${id}`, {
        why: `${place(other)} and ${place(source)}`,
        hint: 'give each its own @id("…")',
      });
    }
    named.set(id, { ...source, id });
  }
  return [...named.values()];
}

/** What a policy is called: its `@id`, else `<file name>:<n>`. */
export function nameOf({ file, index, annotations }: PolicySource): string {
  return annotations.get('id') || `${fileName(file)}:${index + 1}`;
}

function fileName(file: string): string {
  return file.split(/[\\/]/).at(-1) ?? file;
}

function place({ file, startLine }: PolicySource): string {
  return `${file}:${startLine}`;
}

interface Token {
  readonly text: string;
  readonly start: number;
}

interface Statement {
  readonly tokens: readonly Token[];
  readonly start: number;
  readonly end: number;
}

// Cedar's lexer: a comment ends at either newline character, a string may hold newlines, and NEL is white space. What
// is no token of Cedar's is taken somehow and left to Cedar to refuse; a string that never ends goes to the end.
const TOKEN = /\/\/[^\n\r]*|"[^"\\]*(?:\\.[^"\\]*)*"?|\??[A-Za-z_][A-Za-z0-9_]*|==|::|[^\s\u0085]/gs;

/** In Cedar's grammar `;` ends a policy and stands nowhere else, strings and comments apart. */
function findStatements(source: string): Statement[] {
  const statements: Statement[] = [];
  let tokens: Token[] = [];
  for (const { 0: text, index: start } of source.matchAll(TOKEN)) {
    if (text.startsWith('//')) continue;
    tokens.push({ text, start });
    if (text !== ';') continue;
    statements.push(toStatement(tokens));
    tokens = [];
  }
  if (tokens.length > 0) statements.push(toStatement(tokens));
  return statements;
}

function toStatement(tokens: readonly Token[]): Statement {
  const first = tokens[0];
  const last = tokens.at(-1);
  return { tokens, start: first?.start ?? 0, end: (last?.start ?? 0) + (last?.text.length ?? 0) };
}

/** The annotations are all that comes before the effect, so the first `permit (` or `forbid (` is the head. */
function findHead(tokens: readonly Token[]): { start: number; effect: 'permit' | 'forbid'; scope: Scope } | undefined {
  const at = tokens.findIndex(
    ({ text }, i) =>
      (text === 'permit' || text === 'forbid') && tokens[i - 1]?.text !== '@' && tokens[i + 1]?.text === '(',
  );
  const effect = tokens[at];
  if (effect === undefined || tokens.at(-1)?.text !== ';') return undefined;
  const words = tokens.slice(at + 1).map((token) => token.text);
  const [principal = [], action = [], resource = []] = splitList(words);
  const scope = {
    principal: readConstraint(principal),
    action: readConstraint(action),
    resource: readConstraint(resource),
  };
  return { start: effect.start, effect: effect.text === 'permit' ? 'permit' : 'forbid', scope };
}

function readAnnotations(tokens: readonly Token[]): Map<string, string> {
  const annotations = new Map<string, string>();
  for (let at = 0; tokens[at]?.text === '@'; ) {
    const hasValue = tokens[at + 2]?.text === '(';
    annotations.set(tokens[at + 1]?.text ?? '', hasValue ? unquote(tokens[at + 3]?.text ?? '') : '');
    at += hasValue ? 5 : 2;
  }
  return annotations;
}

/** The items of the bracketed list that the words begin with, each as its words. */
function splitList(words: readonly string[]): string[][] {
  const items: string[][] = [];
  let item: string[] = [];
  let depth = 0;
  for (const word of words) {
    if (CLOSING.has(word)) depth--;
    if (depth === 0 && items.length + item.length > 0) break;
    if (depth === 1 && word === ',') {
      items.push(item);
      item = [];
    } else if (depth > 0) item.push(word);
    if (OPENING.has(word)) depth++;
  }
  return [...items, item].filter((each) => each.length > 0);
}

const OPENING = new Set(['(', '[', '{']);
const CLOSING = new Set([')', ']', '}']);

/** @param words e.g. `action`, `in`, `[`, …; the variable is not looked at */
function readConstraint([, op, ...words]: readonly string[]): Constraint {
  if (op === undefined) return { op: 'any' };
  if (op === '==') return equals(readEntity(words));
  if (op === 'in') return within(words[0] === '[' ? splitList(words).map(readEntity) : [readEntity(words)]);
  if (op === 'is') return isOfType(words);
  return OTHER;
}

const OTHER: Constraint = { op: 'other' };

function equals(entity: EntityUid | Slot | undefined): Constraint {
  return entity === undefined ? OTHER : { op: '==', entity };
}

function within(entities: readonly (EntityUid | Slot | undefined)[]): Constraint {
  const known = entities.filter((entity) => entity !== undefined);
  return known.length === entities.length ? { op: 'in', entities: known } : OTHER;
}

function isOfType(words: readonly string[]): Constraint {
  const at = words.indexOf('in');
  const type = words.slice(0, at === -1 ? undefined : at).join('');
  if (!TYPE.test(type)) return OTHER;
  if (at === -1) return { op: 'is', type };
  const entity = readEntity(words.slice(at + 1));
  return entity === undefined ? OTHER : { op: 'is', type, in: entity };
}

/** `Type::"id"` or a slot; undefined for all else, e.g. one in brackets, which Cedar also takes. */
function readEntity(words: readonly string[]): EntityUid | Slot | undefined {
  const [slot = ''] = words;
  if (words.length === 1 && slot.startsWith('?')) return { slot };
  const id = words.at(-1) ?? '';
  const type = words.slice(0, -2).join('');
  return words.at(-2) === '::' && id.startsWith('"') && TYPE.test(type) ? { type, id: unquote(id) } : undefined;
}

const TYPE = /^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$/;

/** The value of a string literal. Escapes are Rust's; what is none of them Cedar refuses, so it stays as it is. */
function unquote(literal: string): string {
  return literal.slice(1, -1).replace(ESCAPED, (written, code: string | undefined) => {
    if (code === undefined) return SINGLE[written.slice(1)] ?? written;
    const point = Number.parseInt(code.replace(/[xu{}_]/g, ''), 16);
    return point <= 0x10_ffff ? String.fromCodePoint(point) : written;
  });
}

const ESCAPED = /\\(x[0-7][0-9A-Fa-f]|u\{[0-9A-Fa-f][0-9A-Fa-f_]*\})|\\./gs;
const SINGLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', '\\': '\\', "'": "'", '"': '"' };

/** How many lines a growing offset is down, from 1. */
function countLines(text: string): (offset: number) => number {
  let line = 1;
  let from = 0;
  return (offset) => {
    for (let at = text.indexOf('\n', from); at !== -1 && at < offset; at = text.indexOf('\n', from)) {
      line++;
      from = at + 1;
    }
    return line;
  };
}
