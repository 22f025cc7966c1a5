import { closeSync, constants, fstatSync, lstatSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DueAt, Use } from '../../access/rate.ts';
import { PalyraError, systemCode } from '../../errors.ts';
import { sha256 } from '../../sha256.ts';
import type { Rates } from '../../store/rates.ts';
import { withLock } from './lock.ts';
import {
  checkPrivateFolder,
  ensurePrivateFolder,
  openPrivateFile,
  readExactly,
  shortWrite,
  stageFile,
} from './safe-file.ts';
import { moveIntoPlace } from './state-files.ts';

/**
 * `rates.bin`: a header and 4,096 slots of 16 bytes, written whole once, so that a use needs no room on a full disk.
 * A slot is 8 bytes of the SHA-256 of the token's id and its number; one whose number is past holds nothing and is free
 * for another token. A slot lies within a sector and is not synced: a crash of the machine may give a minute's uses back.
 */
export function ratesFile(root: string): Rates {
  const path = join(root, 'rates.bin');
  return {
    isPrepared: async () => lstatSync(path, { throwIfNoEntry: false }) !== undefined,

    async prepare() {
      ensurePrivateFolder(root);
      await alone(async () => make(root, path));
    },

    async use(tokenId, now, decide) {
      if (!checkPrivateFolder(root)) throw new PalyraError('store.unsafe', `${root} is not there`);
      return await alone(async () => useSlot(root, path, tokenId, now, decide));
    },
  };

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withLock(join(root, 'lock'), work);
    } catch (error) {
      const code = systemCode(error);
      if (error instanceof PalyraError || code === undefined) throw error;
      throw new PalyraError('store.write_failed', `${path} cannot be written`, {
        why: `the system says ${code}, and without it no limit can be held`,
        cause: error,
      });
    }
  }
}

type Decide = (dueAt: DueAt) => Use;

const HEADER = Buffer.from('palyra rates/1\n\n', 'latin1');
const SLOT_BYTES = 16;
const SLOTS = 4096;
const SIZE = HEADER.length + SLOTS * SLOT_BYTES;
/** how far from its own place a token may have to look for a free slot */
const REACH = 64;

function make(root: string, path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const bytes = Buffer.alloc(SIZE);
  HEADER.copy(bytes);
  moveIntoPlace([{ path: stageFile(root, bytes), target: path }]);
}

function useSlot(root: string, path: string, tokenId: string, now: number, decide: Decide): Use {
  make(root, path);
  const fd = openPrivateFile(path, constants.O_RDWR);
  if (fd === null) throw unsafe(path, 'is gone');
  try {
    if (fstatSync(fd).size !== SIZE) throw unsafe(path, 'does not have the size it was made with');
    const bytes = readExactly(fd, path, SIZE);
    if (!bytes.subarray(0, HEADER.length).equals(HEADER)) throw unsafe(path, 'is not what palyra wrote');
    const key = Buffer.from(sha256(tokenId).slice(0, 16), 'hex');
    const places = placesOf(key);
    const own = places.find((place) => bytes.subarray(place, place + 8).equals(key));
    const dueAt = own === undefined ? 0 : bytes.readDoubleBE(own + 8);
    if (!Number.isFinite(dueAt)) throw unsafe(path, 'is not what palyra wrote');
    const use = decide(dueAt);
    if ('waitMs' in use) return use;
    const place = own ?? places.find((each) => bytes.readDoubleBE(each + 8) <= now);
    if (place === undefined) {
      throw new PalyraError('store.busy', 'too many tokens are in use at once', { why: `${path} has no free slot` });
    }
    const slot = Buffer.concat([key, Buffer.alloc(8)]);
    slot.writeDoubleBE(use.dueAt, 8);
    const written = writeSync(fd, slot, 0, SLOT_BYTES, place);
    if (written !== SLOT_BYTES) throw shortWrite(written, SLOT_BYTES);
    return use;
  } finally {
    closeSync(fd);
  }
}

/** Where in the file a token's slot may be, its own place first. */
function placesOf(key: Buffer): number[] {
  const first = key.readUInt32BE(0);
  return Array.from({ length: REACH }, (_, i) => HEADER.length + ((first + i) % SLOTS) * SLOT_BYTES);
}

function unsafe(path: string, fact: string): PalyraError {
  return new PalyraError('store.unsafe', `${path} ${fact}`, {
    why: 'without it no limit can be held, so no token is valid',
    hint: `rm ${path}   forgets what was used in the last minute`,
  });
}
