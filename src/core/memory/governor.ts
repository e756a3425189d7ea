import { MemoryExhaustedError } from "../errors.ts";
import { Allocator } from "./allocator.ts";

/** An operator's state that can be written to disk to make room. */
export interface SpillableState {
  /** For messages: "sort", "group-by". */
  readonly name: string;
  /** Bytes that `spill` would free, roughly. */
  spillableBytes(): number;
  /** Writes state to disk and frees its memory. Called between batches or from inside the owner's own `reserve`. */
  spill(): void;
}

/**
 * Keeps one thread's share of a job's memory budget. Operators announce large allocations with `reserve`;
 * when the limit would be passed, the largest spillable states go to disk first, whoever asked.
 */
export class MemoryGovernor {
  /** Bytes that the job may use, beside `baseBytes`. */
  readonly limitBytes: number;
  readonly #baseBytes: number;
  readonly #budgetFor: (usedBytes: number) => number | undefined;
  readonly #allocator: Allocator;
  readonly #states = new Set<SpillableState>();
  #spillCount = 0;

  /**
   * `baseBytes` were live before the job and are no part of what it uses. `budgetFor` tells which budget of the whole
   * job would let this thread use so many bytes, for messages; undefined where none would.
   */
  constructor(
    allocator: Allocator,
    limitBytes: number,
    baseBytes = 0,
    budgetFor: (usedBytes: number) => number | undefined = () => undefined,
  ) {
    this.#allocator = allocator;
    this.limitBytes = limitBytes;
    this.#baseBytes = baseBytes;
    this.#budgetFor = budgetFor;
  }

  /** How often a state was spilled; shown in job metrics. */
  get spillCount(): number {
    return this.#spillCount;
  }

  get availableBytes(): number {
    return Math.max(0, this.limitBytes - this.#usedBytes);
  }

  register(state: SpillableState): void {
    this.#states.add(state);
  }

  unregister(state: SpillableState): void {
    this.#states.delete(state);
  }

  /**
   * Makes room for `byteLength` more bytes by spilling. The caller's own state may be spilled as well, so it must be
   * consistent at the call. With `required` unset, the call is satisfied with whatever could be freed.
   */
  reserve(byteLength: number, what: string, options: { required?: boolean } = {}): void {
    const needed = Allocator.roundedBytes(byteLength);
    // A state that frees nothing would be asked for ever: one that only refers to rows of a stored table, say.
    const asked = new Set<SpillableState>();
    while (this.#usedBytes + needed > this.limitBytes) {
      const largest = this.#largestState(asked);
      if (largest === undefined) {
        if (options.required) {
          throw new MemoryExhaustedError(needed, this.limitBytes, what, this.#budgetFor(this.#usedBytes + needed));
        }
        return;
      }
      const before = this.#allocator.liveBytes;
      largest.spill();
      this.#spillCount++;
      if (this.#allocator.liveBytes >= before) asked.add(largest);
    }
  }

  get #usedBytes(): number {
    return this.#allocator.liveBytes - this.#baseBytes;
  }

  #largestState(except: ReadonlySet<SpillableState>): SpillableState | undefined {
    let largest: SpillableState | undefined;
    let bytes = 0;
    for (const state of this.#states) {
      if (except.has(state)) continue;
      const size = state.spillableBytes();
      if (size > bytes) {
        largest = state;
        bytes = size;
      }
    }
    return largest;
  }
}
