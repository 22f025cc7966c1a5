import { chmodSync, closeSync, constants, openSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { PalyraError, systemCode } from '../../errors.ts';

/**
 * A folder that is held open, and those below it, each reached from the one above and never through a link: whatever is
 * put in their places meanwhile, what is done here is done in what was meant. Paths are relative to the folder.
 */
export class HeldFolder {
  readonly path: string;
  readonly #top: number;
  readonly #below = new Map<string, number>();

  /** @throws PalyraError sandbox.setup_failed if the path leads through a link; Error of the system if it is no folder */
  constructor(path: string) {
    this.path = path;
    this.#top = openSync(path, FOLDER);
    if (!HAS_DESCRIPTOR_PATHS || readlinkSync(this.#reach('')) === path) return;
    closeSync(this.#top);
    throw new PalyraError('sandbox.setup_failed', `${path} is not what it was`, {
      why: 'somebody put a link in its place, or in the place of a folder that leads there',
      hint: 'run it again when nobody else works there',
    });
  }

  /** What names the entry for one call of the system; what it is, if a link, is not followed. */
  at(path: string): string {
    // the folder itself: its own descriptor is a link, which nobody else can replace
    if (path === '' || path === '.') return `${this.#reach('')}/.`;
    if (isAbsolute(path) || path.split('/').includes('..')) throw new Error(`${path} does not lie in ${this.path}`);
    const parent = dirname(path);
    return `${this.#reach(parent === '.' ? '' : parent)}/${basename(path)}`;
  }

  /** What names the folder itself. */
  self(): string {
    return this.#reach('');
  }

  /**
   * Give ourselves back the folders that lead to an entry, as far as they are ours.
   * @throws Error if one is not
   */
  unlock(path: string): void {
    const folders = [
      '',
      ...path
        .split('/')
        .map((_, at, names) => names.slice(0, at).join('/'))
        .slice(1),
    ];
    for (const folder of folders) {
      const { mode } = statSync(this.#reach(folder));
      if ((mode & 0o700) !== 0o700) chmodSync(this.#reach(folder), (mode & 0o7777) | 0o700);
    }
  }

  /** Forget what was opened below: it may be something else by now. */
  release(): void {
    for (const fd of this.#below.values()) closeSync(fd);
    this.#below.clear();
  }

  close(): void {
    this.release();
    closeSync(this.#top);
  }

  #reach(folder: string): string {
    if (!HAS_DESCRIPTOR_PATHS) return join(this.path, folder);
    if (folder === '') return `/proc/self/fd/${this.#top}`;
    const known = this.#below.get(folder);
    if (known !== undefined) return `/proc/self/fd/${known}`;
    const fd = openSync(this.at(folder), FOLDER);
    this.#below.set(folder, fd);
    return `/proc/self/fd/${fd}`;
  }
}

/** Whether an error says that nothing is there: no entry, or something else than a folder on the way. */
export function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '');
}

const HAS_DESCRIPTOR_PATHS = process.platform === 'linux';
// O_PATH, which Node does not name: it needs no right to read the folder. The same on x64 and arm64.
const O_PATH = HAS_DESCRIPTOR_PATHS ? 0o10000000 : 0;
const FOLDER = O_PATH | constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
