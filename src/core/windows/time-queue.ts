/** Items by time, least time first; items of one time in the order in which they came. */
export class TimeQueue<T> {
  /** A binary heap of the times that have items. */
  readonly #times: number[] = [];
  readonly #items = new Map<number, T[]>();
  /** Items, those included that nobody wants any more. */
  size = 0;

  /** Infinity where there is none. */
  get nextMs(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : this.#times[0];
  }

  add(timeMs: number, item: T): void {
    this.size++;
    const items = this.#items.get(timeMs);
    if (items !== undefined) {
      items.push(item);
      return;
    }
    this.#items.set(timeMs, [item]);
    this.#push(timeMs);
  }

  /** Takes the items of the next time out. */
  take(): { readonly timeMs: number; readonly items: readonly T[] } {
    const timeMs = this.#pop();
    const items = this.#items.get(timeMs) ?? [];
    this.#items.delete(timeMs);
    this.size -= items.length;
    return { timeMs, items };
  }

  /** Drops the items that nobody wants any more. */
  compact(isWanted: (item: T, timeMs: number) => boolean): void {
    const all = [...this.#items];
    this.clear();
    for (const [timeMs, items] of all) {
      for (const item of items) if (isWanted(item, timeMs)) this.add(timeMs, item);
    }
  }

  /** The first times with wanted items, and these. */
  first(count: number, isWanted: (item: T, timeMs: number) => boolean): { timeMs: number; items: readonly T[] }[] {
    const found: { timeMs: number; items: readonly T[] }[] = [];
    for (const timeMs of [...this.#times].sort((a, b) => a - b)) {
      const items = (this.#items.get(timeMs) ?? []).filter((item) => isWanted(item, timeMs));
      if (items.length > 0) found.push({ timeMs, items });
      if (found.length === count) break;
    }
    return found;
  }

  clear(): void {
    this.#times.length = 0;
    this.#items.clear();
    this.size = 0;
  }

  #push(timeMs: number): void {
    const times = this.#times;
    let at = times.length;
    times.push(timeMs);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (times[parent] <= timeMs) break;
      times[at] = times[parent];
      at = parent;
    }
    times[at] = timeMs;
  }

  #pop(): number {
    const times = this.#times;
    const [least] = times;
    const last = times.pop() as number;
    const { length } = times;
    if (length === 0) return least;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && times[child + 1] < times[child]) child++;
      if (last <= times[child]) break;
      times[at] = times[child];
      at = child;
    }
    times[at] = last;
    return least;
  }
}
