import { closeSync, constants, existsSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PalyraError, systemCode } from '../errors.ts';

/**
 * A place for a report (0600). Its folder is opened now and written to later: a command that runs in between may put a
 * link in the place of the folder, or of the file, and is not followed.
 * @throws PalyraError store.write_failed
 */
export function openReport(path: string): (text: string) => void {
  const folder = attempt(path, () => openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY));
  const held = existsSync(`/proc/self/fd/${folder}`) ? `/proc/self/fd/${folder}` : dirname(path);
  const fresh = join(held, `.${basename(path)}.${process.pid}`);
  return (text) => {
    attempt(path, () => {
      rmSync(fresh, { force: true });
      writeFileSync(fresh, text, { flag: 'wx', mode: 0o600 });
      renameSync(fresh, join(held, basename(path)));
    });
    closeSync(folder);
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = `the system says ${systemCode(error) ?? 'nothing'}`;
    throw new PalyraError('store.write_failed', `the report ${path} cannot be written`, { why, cause: error });
  }
}
