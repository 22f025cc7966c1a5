import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PalyraError, systemCode } from '../../errors.ts';

/**
 * A place for a report (0600). Its folder is opened now and written to later: a command that runs in between may put a
 * link in the place of the folder, or of the file, and is not followed.
 * @throws PalyraError sandbox.setup_failed if nothing can be written there; when it is written, store.write_failed
 */
export function openReport(path: string): (text: string) => void {
  const { folder, held, fresh } = attempt('sandbox.setup_failed', path, () => {
    const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    const held = existsSync(`/proc/self/fd/${folder}`) ? `/proc/self/fd/${folder}` : dirname(path);
    const fresh = join(held, `.${basename(path)}.${process.pid}`);
    // root may write anywhere, and yet not here: only trying tells
    writeNew(fresh, '');
    rmSync(fresh);
    return { folder, held, fresh };
  });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile())
    throw unwritable('sandbox.setup_failed', path, 'it is there, and no file');
  if (there !== undefined && there.size > 0 && !isReport(path)) {
    throw unwritable('sandbox.setup_failed', path, 'a file is there that is no report of palyra’s');
  }
  return (text) => {
    attempt('store.write_failed', path, () => {
      writeNew(fresh, text);
      renameSync(fresh, join(held, basename(path)));
    });
    closeSync(folder);
  };
}

/** Only an earlier report is replaced: what else stands there would be lost. */
function isReport(path: string): boolean {
  const beginning = Buffer.alloc(REPORT.length);
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return readSync(file, beginning, 0, REPORT.length, 0) === REPORT.length && beginning.toString('latin1') === REPORT;
  } finally {
    closeSync(file);
  }
}

const REPORT = '{"schema":"palyra.exec.report/';

function writeNew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
}

function attempt<T>(code: 'sandbox.setup_failed' | 'store.write_failed', path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unwritable(code, path, `the system says ${systemCode(error) ?? 'nothing'}`, error);
  }
}

function unwritable(
  code: 'sandbox.setup_failed' | 'store.write_failed',
  path: string,
  why: string,
  cause?: unknown,
): PalyraError {
  return new PalyraError(code, `the report ${path} cannot be written`, {
    why,
    hint: 'give --report a file in a folder that you may write to',
    details: { reason_code: 'exec.report' },
    cause,
  });
}
