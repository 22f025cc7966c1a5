import { whoActs } from '../flows/act.ts';
import { type FinishedRun, finishRuns, type LostRun } from '../flows/lost-runs.ts';
import { aftermathObstacles, NOT_SEARCHED } from '../sandbox/obstacles.ts';
import { type Cli, openDesk, stateRoot } from './cli.ts';

/** Put aside what commands left whose palyra was killed, and write down that they ended. */
export async function finishLostRuns(cli: Cli, lost: readonly LostRun[]): Promise<readonly FinishedRun[]> {
  if (lost.length === 0) return [];
  const { world } = cli;
  const desk = await openDesk(cli);
  const outside = { runs: await world.openRuns(stateRoot(cli)), sandbox: await world.sandbox() };
  return await finishRuns({ ...desk, acting: await whoActs(desk) }, outside, lost);
}

/** What was put aside, and what to do about each. */
export function sayPutAside({ output }: Cli, { workspace, aftermath }: FinishedRun): void {
  if (aftermath === undefined) return;
  for (const { what, hint } of aftermathObstacles(aftermath)) output.warn(`${workspace}: ${what}`, hint);
  if (!aftermath.isSearched) output.note(NOT_SEARCHED);
}
