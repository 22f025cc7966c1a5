import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Tests run the palyra that users run: built once, before all of them. */
export function setup(): void {
  execFileSync(process.execPath, ['build.mjs'], { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' });
}
