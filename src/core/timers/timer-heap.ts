import { compareIds, type KeyId } from "../state/key-identity.ts";
import type { StateKey } from "../state/state-key.ts";

/** A time at which a key wants to be called. */
export interface Timer {
  readonly timeMs: number;
  readonly key: StateKey;
  readonly namespace: unknown;
  readonly namespaceId: KeyId;
  /** Deleted or fired: still in the heap, but nothing any more. */
  isGone: boolean;
  /** How many timers in a row were registered by each other behind the last row; see `KeyedTimers`. */
  readonly generation: number;
}

/** By time; timers of one time in an order that depends on their keys alone, so that a restore does not change it. */
export function compareTimers(a: Timer, b: Timer): number {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs ? -1 : 1;
  if (a.key.keyGroup !== b.key.keyGroup) return a.key.keyGroup - b.key.keyGroup;
  return compareIds(a.key.id, b.key.id) || compareIds(a.namespaceId, b.namespaceId);
}

/** A binary heap of timers, least first. */
export class TimerHeap {
  readonly #timers: Timer[] = [];

  get size(): number {
    return this.#timers.length;
  }

  peek(): Timer | undefined {
    return this.#timers[0];
  }

  push(timer: Timer): void {
    const timers = this.#timers;
    let at = timers.length;
    timers.push(timer);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (compareTimers(timers[parent], timer) <= 0) break;
      timers[at] = timers[parent];
      at = parent;
    }
    timers[at] = timer;
  }

  pop(): Timer | undefined {
    const timers = this.#timers;
    const [least] = timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return least;
    this.#sink(last, 0);
    return least;
  }

  /** Drops the timers that are gone. */
  compact(): void {
    const kept = this.#timers.filter(({ isGone }) => !isGone);
    this.#timers.length = 0;
    for (const timer of kept) this.#timers.push(timer);
    for (let at = (kept.length >>> 1) - 1; at >= 0; at--) this.#sink(this.#timers[at], at);
  }

  clear(): void {
    this.#timers.length = 0;
  }

  #sink(timer: Timer, from: number): void {
    const timers = this.#timers;
    const { length } = timers;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && compareTimers(timers[child + 1], timers[child]) < 0) child++;
      if (compareTimers(timer, timers[child]) <= 0) break;
      timers[at] = timers[child];
      at = child;
    }
    timers[at] = timer;
  }
}
