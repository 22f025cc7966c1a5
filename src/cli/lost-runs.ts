import { whoActs } from '../flows/act.ts';
import { type FinishedRun, finishRuns, type LostRun } from '../flows/lost-runs.ts';
import { protectedObstacle } from '../sandbox/obstacles.ts';
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
export function sayPutAside({ output }: Cli, { workspace, changes = [] }: FinishedRun): void {
  for (const { what, hint } of changes.map(protectedObstacle)) output.warn(`${workspace}: ${what}`, hint);
}
