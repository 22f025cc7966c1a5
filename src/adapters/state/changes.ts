import { existsSync, type FSWatcher, watch } from 'node:fs';
import { CHECKPOINT } from './checkpoint.ts';

/** Should the system lose a notice, or give none (some network file systems), it is found out this much later. */
const FALLBACK_MS = 2000;

/**
 * Once at once, and then after each transaction: the last thing that one does is to put its checkpoint in place, and the
 * system tells us of that, so that waiting costs nothing.
 * @param root may not be there yet
 */
export async function* watchChanges(root: string, until: AbortSignal): AsyncGenerator<void> {
  let isNews = true;
  let wake = (): void => undefined;
  const tell = (): void => {
    isNews = true;
    wake();
  };
  let watcher = watchFolder(root, tell);
  const fallback = setInterval(() => {
    watcher ??= watchFolder(root, tell);
    tell();
  }, FALLBACK_MS);
  const stop = (): void => wake();
  until.addEventListener('abort', stop);
  try {
    while (!until.aborted) {
      if (isNews) {
        isNews = false;
        yield;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    until.removeEventListener('abort', stop);
    clearInterval(fallback);
    watcher?.close();
  }
}

function watchFolder(root: string, tell: () => void): FSWatcher | undefined {
  if (!existsSync(root)) return undefined;
  try {
    const watcher = watch(root, (_, name) => {
      if (name === null || name === CHECKPOINT) tell();
    });
    // the folder is gone: the fallback goes on
    return watcher.on('error', () => undefined);
  } catch {
    // no more watches to be had
    return undefined;
  }
}
