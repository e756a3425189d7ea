/** A callback that a timer will make. */
interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
  isCancelled: boolean;
}

/** Time that passes only when it is told to: the timers, and the wall clock over it. */
export class VirtualTime {
  /** Milliseconds since the simulation began; never goes back. */
  elapsedMs = 0;
  /** A binary heap: the next timer is first. */
  readonly #timers: Timer[] = [];
  #wallStartMs: number;
  #order = 0;
  #cancelled = 0;

  /** `startMs` is what the wall clock shows at the beginning, in epoch milliseconds. */
  constructor(startMs: number) {
    this.#wallStartMs = startMs;
  }

  /** Epoch milliseconds, whole ones like those of Date.now. */
  get wallMs(): number {
    return Math.floor(this.#wallStartMs + this.elapsedMs);
  }

  /** Sets the wall clock forward or back; timers and monotonic time do not notice. */
  jumpWall(byMs: number): void {
    this.#wallStartMs += byMs;
  }

  get timerCount(): number {
    return this.#timers.length - this.#cancelled;
  }

  /** Calls `fire` when virtual time reaches `delayMs` from now; negative delays and NaN are 0. The result cancels. */
  after(delayMs: number, fire: () => void): () => void {
    const timer: Timer = {
      dueMs: this.elapsedMs + Math.max(0, delayMs || 0),
      order: this.#order++,
      fire,
      isCancelled: false,
    };
    this.#timers.push(timer);
    this.#siftUp(this.#timers.length - 1);
    return () => {
      if (timer.isCancelled) return;
      timer.isCancelled = true;
      this.#cancelled++;
    };
  }

  /** When the next timer is due, in elapsed milliseconds; undefined where there is none. */
  nextDueMs(): number | undefined {
    while (this.#timers.length > 0 && this.#timers[0].isCancelled) {
      this.#removeFirst();
      this.#cancelled--;
    }
    return this.#timers[0]?.dueMs;
  }

  /** Moves on to `elapsedMs` and fires what is due then, in the order of due times, then of their making. */
  advanceTo(elapsedMs: number): void {
    if (elapsedMs > this.elapsedMs) this.elapsedMs = elapsedMs;
    for (let due = this.nextDueMs(); due !== undefined && due <= this.elapsedMs; due = this.nextDueMs()) {
      const timer = this.#removeFirst();
      // Counted as cancelled no more: it is out of the heap.
      timer.isCancelled = true;
      timer.fire();
    }
  }

  /** Forgets all timers. */
  clear(): void {
    this.#timers.length = 0;
    this.#cancelled = 0;
  }

  #removeFirst(): Timer {
    const first = this.#timers[0];
    const last = this.#timers.pop() as Timer;
    if (this.#timers.length > 0) {
      this.#timers[0] = last;
      this.#siftDown();
    }
    return first;
  }

  #siftUp(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(this.#timers[at], this.#timers[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #siftDown(): void {
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#timers.length && isBefore(this.#timers[child], this.#timers[least])) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(i: number, j: number): void {
    const kept = this.#timers[i];
    this.#timers[i] = this.#timers[j];
    this.#timers[j] = kept;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
