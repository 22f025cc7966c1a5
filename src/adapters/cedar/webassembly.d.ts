/** What we use of WebAssembly: Node's own types leave it to those of the browser, which would bring all else along. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, (...values: never[]) => unknown>>);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    /** @param pages of 64 KiB, to be added */
    grow(pages: number): number;
  }
  interface Table {
    readonly length: number;
    grow(entries: number): number;
    set(index: number, value: unknown): void;
  }
}
