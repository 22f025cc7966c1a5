/** A map of bounded size: what was used longest ago makes room. */
export class Recent<Key, Value> {
  readonly #limit: number;
  readonly #entries = new Map<Key, Value>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    // while there is room to spare, nothing will be taken out soon, and order is not worth its cost
    if (value === undefined || this.#entries.size * 2 < this.#limit) return value;
    // a Map keeps the order of insertion
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    if (this.#entries.size >= this.#limit) this.takeOldest();
    this.#entries.set(key, value);
  }

  /** Take out what was used longest ago. */
  takeOldest(): Value | undefined {
    for (const [key, value] of this.#entries) {
      this.#entries.delete(key);
      return value;
    }
    return undefined;
  }
}
