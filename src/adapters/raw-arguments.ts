import { readFileSync } from 'node:fs';
import { systemCode } from '../errors.ts';

/**
 * Whether this process's arguments are UTF-8 as the system has them: Node has silently replaced what is not. Where the
 * system does not tell, a replacement character among them counts as a no.
 */
export function argumentsAreUtf8(): boolean {
  if (!process.argv.some((argument) => argument.includes('\ufffd'))) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(readFileSync('/proc/self/cmdline'));
    return true;
  } catch (error) {
    if (!(error instanceof TypeError) && systemCode(error) === undefined) throw error;
    return false;
  }
}
