import { parseName } from '../../../access/name.ts';
import { PalyraError } from '../../../errors.ts';
import { changeRecord, GLOBAL, type PostureChange, type PostureScope } from '../../../posture/change.ts';
import { printable } from '../../../text.ts';
import { relative } from '../../../time.ts';
import type { Cli } from '../../cli.ts';
import { noteKindless } from '../../principal.ts';
import { withTimes } from '../../times.ts';

/** The options that say where a posture applies. */
export interface ScopeOptions {
  readonly session?: string | undefined;
  readonly agent?: string | undefined;
  readonly workspace?: string | undefined;
}

/**
 * The scope that was named; global when none was.
 * @throws PalyraError usage.invalid
 */
export function readScope(cli: Cli, { session, agent, workspace }: ScopeOptions): PostureScope {
  const named = Object.entries({ session, agent, workspace }).flatMap(([kind, id]) => {
    return id === undefined ? [] : [{ kind: kind as PostureScope['kind'], id: parseName(id, `--${kind}`) }];
  });
  if (named.length > 1) {
    throw new PalyraError('usage.invalid', 'a posture has one scope', {
      hint: 'one of --session, --agent, --workspace',
    });
  }
  noteKindless(cli, agent);
  return named[0] ?? GLOBAL;
}

/** Say what was changed, or with dryRun would be: a diff, a line each. */
export function sayChanges(cli: Cli, schema: string, changes: readonly PostureChange[], entry: number | null): void {
  const { output, world } = cli;
  if (output.json) {
    output.value({
      schema,
      changes: changes.map((change) => withTimes(changeRecord(change))),
      changed: entry !== null,
      journal_seq: entry,
    });
    return;
  }
  if (changes.length === 0) output.note('nothing to change');
  for (const line of changes.map((change) => changeWords(change, world.clock()))) output.answer(line);
  if (entry !== null) output.note(`changed, journal ${entry}`);
}

/** `palyra.http.fetch   (not set) → ask_each_time   global`. */
export function changeWords({ tool, scope, before, state, expiresAtUnixMs }: PostureChange, now: number): string {
  const where = scope.kind === 'global' ? 'global' : `${scope.kind} ${printable(scope.id)}`;
  const until = expiresAtUnixMs === undefined ? '' : `, ends ${relative(expiresAtUnixMs, now)}`;
  return `${printable(tool)}   ${before ?? '(not set)'} → ${state ?? '(not set)'}   ${where}${until}`;
}
