import { crc32 } from 'node:zlib';
import type { JsonText } from '../../policy/engine.ts';
import type { Answers } from './engine.ts';

/**
 * What a warm instance of Cedar remembers, taken when palyra is built, so that a command need not parse the baseline
 * again nor warm up. As a file: the length of the head and the CRC-32 of all that follows (4 bytes each, little
 * endian), the head as JSON, the bytes of the runs.
 */
export interface Image {
  readonly head: ImageHead;
  readonly bytes: Uint8Array;
}

interface ImageHead {
  /** the wasm it belongs to: against accidents, for that it is the known one was proven when the image was made */
  readonly wasm: { readonly length: number; readonly crc32: number };
  /** length of the memory, in pages of 64 KiB */
  readonly pages: number;
  /** length of the table of references to JavaScript */
  readonly references: number;
  /** the policy sets that it has parsed, by slot */
  readonly prepared: Readonly<Record<string, JsonText>>;
  /** policies that it has read or written: its answers, by call and argument */
  readonly translated: Readonly<Record<string, Translation>>;
  /** where memory differs from that of an instance just started: address, length */
  readonly runs: readonly (readonly [at: number, length: number])[];
}

/** What depends on nothing but its argument, so that an answer of the build's holds for ever. */
export type Translation = Answers[(typeof TRANSLATIONS)[number]];
const TRANSLATIONS = ['policyToJson', 'policyToText'] as const;

export function isTranslation(name: keyof Answers): name is (typeof TRANSLATIONS)[number] {
  return (TRANSLATIONS as readonly string[]).includes(name);
}

/** The two mutable parts of an instance that JavaScript can reach. */
export interface InstanceState {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_externrefs: WebAssembly.Table;
}

/**
 * Make an instance that was just started remember what an image holds.
 *
 * Sound because an instance is nothing but its memory, its table of references and its stack pointer: the module has no
 * other mutable global, writes to no other table and drops no segment. Between calls the stack pointer is where it
 * started and no entry of the table is in use; the table only has to be as long as the list of free entries, which
 * lies in memory, believes. That the module is the same to the byte has been checked.
 */
export function restoreImage(
  { head, bytes }: Image,
  { memory, __wbindgen_externrefs: references }: InstanceState,
): void {
  memory.grow(head.pages - memory.buffer.byteLength / PAGE);
  references.grow(head.references - references.length);
  const whole = new Uint8Array(memory.buffer);
  let from = 0;
  for (const [at, length] of head.runs) {
    whole.set(bytes.subarray(from, from + length), at);
    from += length;
  }
}

/**
 * Take the image of a warm instance. No call may be under way.
 * @param started an instance of the same module that was just started
 */
export function takeImage(
  warm: InstanceState,
  started: InstanceState,
  words: Pick<ImageHead, 'wasm' | 'prepared' | 'translated'>,
): Image {
  const bytes = new Uint8Array(warm.memory.buffer);
  const runs = findRuns(bytes, new Uint8Array(started.memory.buffer));
  return {
    head: { ...words, pages: bytes.length / PAGE, references: warm.__wbindgen_externrefs.length, runs },
    bytes: Buffer.concat(runs.map(([at, length]) => bytes.subarray(at, at + length))),
  };
}

/** Where two memories differ; what only the first one has counts as different from zero. */
function findRuns(bytes: Uint8Array, before: Uint8Array): [at: number, length: number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === (before[at] ?? 0)) continue;
    const last = runs.at(-1);
    if (last !== undefined && at - (last[0] + last[1]) < GAP) last[1] = at + 1 - last[0];
    else runs.push([at, 1]);
  }
  return runs;
}

export function writeImage({ head, bytes }: Image): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const rest = Buffer.concat([json, bytes]);
  const start = Buffer.alloc(START);
  start.writeUInt32LE(json.length, 0);
  start.writeUInt32LE(crc32(rest), 4);
  return Buffer.concat([start, rest]);
}

/** @returns undefined when the file is not whole */
export function readImage(file: Buffer): Image | undefined {
  if (file.length < START || crc32(file.subarray(START)) !== file.readUInt32LE(4)) return undefined;
  const end = START + file.readUInt32LE(0);
  return { head: JSON.parse(file.toString('utf8', START, end)), bytes: file.subarray(end) };
}

const START = 8;
const PAGE = 65_536;
// a shorter stretch of equal bytes is copied along: an entry in the head costs more
const GAP = 32;
