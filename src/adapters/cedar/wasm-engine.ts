import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { crc32 } from 'node:zlib';
import type { Answers, Engine } from './engine.ts';
import { type Image, type InstanceState, restoreImage } from './image.ts';

/** The wasm of @cedar-policy/cedar-wasm 4.13.0, for which the glue in this file was written. */
const KNOWN_SHA256 = '9ed10461f45bceabbe2c364330500378b71f641b28f7c2a1f6e033c9be2f1d9a';

/** The bytes of the wasm that the package ships. */
export function readWasm(): Buffer {
  return readFileSync(findWasm());
}

/** Whether our glue knows this wasm. Takes 10 ms; an image made of it vouches for it in 2. */
export function isKnown(wasm: Buffer): boolean {
  const crypto = process.getBuiltinModule('node:crypto');
  return crypto.createHash('sha256').update(wasm).digest('hex') === KNOWN_SHA256;
}

/** Whether an image was taken of this wasm, and so of one that is known. */
export function isImageOf(image: Image, wasm: Buffer): boolean {
  return image.head.wasm.length === wasm.length && image.head.wasm.crc32 === crc32(wasm);
}

/**
 * Compile the wasm.
 * @param throughput let V8 optimise it: 13-40 % faster once warm. Otherwise each function is compiled once, quickly,
 *   when first called (for the rest of the process): Node 20 would optimise in the background and, at exit, wait some
 *   120 ms for that
 */
export function compileWasm(wasm: Buffer, throughput: boolean): WebAssembly.Module {
  if (!throughput) {
    const [major] = process.versions.node.split('.');
    setFlagsFromString(Number(major) < 22 ? '--liftoff-only' : '--wasm-tiering-budget=100000000');
    setFlagsFromString('--wasm-lazy-validation');
  }
  return new WebAssembly.Module(wasm);
}

/** A new instance, and its state for whoever takes an image of it; one that remembers the image, if there is one. */
export function startWasm(module: WebAssembly.Module, image?: Image): Engine & { readonly state: InstanceState } {
  const cedar = instantiate(module);
  const functions: Functions = cedar;
  cedar.__wbindgen_start();
  if (image !== undefined) restoreImage(image, cedar);
  return {
    state: cedar,
    prepared: image?.head.prepared ?? {},
    call(name, texts, json) {
      const known = image?.head.translated[`${name} ${json}`];
      // the names of the calls keep the answers apart: no other call is kept
      if (known !== undefined) return known as Answers[typeof name];
      const values: unknown[] = texts.flatMap((text) => putText(cedar, text));
      return functions[name](...values, ...(json === undefined ? [] : [json]));
    },
  };
}

type Functions = { readonly [Name in keyof Answers]: (...values: unknown[]) => Answers[Name] };

interface Exports extends Functions, InstanceState {
  readonly __wbindgen_start: () => void;
  readonly __wbindgen_malloc: (bytes: number, alignment: number) => number;
}

/**
 * The package's glue, but for JSON: where that is asked to write out a JavaScript value, ours was handed the text and
 * says so. Nothing is parsed to be written again, and integers keep all their digits. The names belong to the wasm.
 */
function instantiate(module: WebAssembly.Module): Exports {
  const cedar = new WebAssembly.Instance(module, {
    './cedar_wasm_bg.js': {
      __wbg_stringify_a2c39d991e1bf91d: (json: string) => json,
      __wbg_parse_545d11396395fbbd: (at: number, length: number) => JSON.parse(takeText(cedar, at, length)),
      __wbg___wbindgen_is_undefined_c0cca72b82b86f4d: (value: unknown) => value === undefined,
      __wbg___wbindgen_string_get_914df97fcfa788f2(answer: number, text: string) {
        const [at, length] = putText(cedar, text);
        const view = new DataView(cedar.memory.buffer);
        view.setInt32(answer, at, true);
        view.setInt32(answer + 4, length, true);
      },
      __wbg___wbindgen_throw_81fc77679af83bc6(at: number, length: number) {
        throw new Error(takeText(cedar, at, length));
      },
      __wbindgen_init_externref_table() {
        const references = cedar.__wbindgen_externrefs;
        const first = references.grow(4);
        references.set(0, undefined);
        references.set(first, undefined);
        references.set(first + 1, null);
        references.set(first + 2, true);
        references.set(first + 3, false);
      },
    },
  }).exports as Exports;
  return cedar;
}

/** Copy a text to memory that Cedar frees when it has read it. */
function putText(cedar: Exports, text: string): [at: number, length: number] {
  const length = Buffer.byteLength(text);
  const at = cedar.__wbindgen_malloc(length, 1) >>> 0;
  Buffer.from(cedar.memory.buffer, at, length).write(text);
  return [at, length];
}

function takeText(cedar: Exports, at: number, length: number): string {
  return Buffer.from(cedar.memory.buffer, at >>> 0, length >>> 0).toString();
}

/** Node looks for packages like this too, but takes 4 ms; what is found counts only if it is the same to the byte. */
function findWasm(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'node_modules', PACKAGE, WASM);
    if (existsSync(file)) return file;
  }
  return join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), WASM);
}

const PACKAGE = '@cedar-policy/cedar-wasm/nodejs';
const WASM = 'cedar_wasm_bg.wasm';
