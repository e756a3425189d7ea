import { assert, MemoryExhaustedError } from "../errors.ts";

export const PAGE_BYTES = 65_536;

/** What the page allocator needs of a linear memory. */
export interface GrowableMemory {
  /** Present size in pages. */
  pageCount(): number;
  /** Grows by `pages`; false where the memory refuses. */
  grow(pages: number): boolean;
}

/** A run of free pages. */
interface Run {
  start: number;
  count: number;
}

/**
 * Hands out runs of whole 64 KiB pages of a linear memory: best fit over free runs that are kept
 * sorted by address and merged with their neighbours. Runs are few, because small blocks live in spans.
 */
export class PageAllocator {
  readonly #memory: GrowableMemory;
  readonly #maximumPages: number;
  readonly #free: Run[] = [];
  /** First page that was never handed out. */
  #frontier: number;

  constructor(memory: GrowableMemory, firstPage: number, maximumPages: number) {
    this.#memory = memory;
    this.#frontier = firstPage;
    // The last page stays unused, so that kernels may read a vector past the end of any block.
    this.#maximumPages = maximumPages - 1;
  }

  /** Returns the first page of a run of `count` pages. */
  allocate(count: number): number {
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const run = this.#free[i];
      if (run.count >= count && (best < 0 || run.count < this.#free[best].count)) best = i;
    }
    if (best >= 0) {
      const run = this.#free[best];
      const start = run.start;
      if (run.count === count) this.#free.splice(best, 1);
      else {
        run.start += count;
        run.count -= count;
      }
      return start;
    }
    return this.#extend(count);
  }

  release(start: number, count: number): void {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#free[middle].start < start) low = middle + 1;
      else high = middle;
    }
    const previous = this.#free[low - 1];
    const next = this.#free[low];
    assert(previous === undefined || previous.start + previous.count <= start, "pages are released once");
    assert(next === undefined || start + count <= next.start, "pages are released once");
    const joinsPrevious = previous !== undefined && previous.start + previous.count === start;
    const joinsNext = next !== undefined && start + count === next.start;
    if (joinsPrevious && joinsNext) {
      previous.count += count + next.count;
      this.#free.splice(low, 1);
    } else if (joinsPrevious) previous.count += count;
    else if (joinsNext) {
      next.start = start;
      next.count += count;
    } else this.#free.splice(low, 0, { start, count });
  }

  /** Takes pages at the frontier, together with a free run that ends there. */
  #extend(count: number): number {
    const last = this.#free[this.#free.length - 1];
    const tail = last !== undefined && last.start + last.count === this.#frontier ? last : undefined;
    const start = tail?.start ?? this.#frontier;
    const end = start + count;
    const present = this.#memory.pageCount();
    if (end + 1 > present) {
      // Growing in steps of an eighth keeps the number of grow calls logarithmic; untouched pages cost nothing.
      const wished = Math.min(Math.max(end + 1, present + Math.max(64, present >>> 3)), this.#maximumPages + 1);
      const grown = wished > end && (this.#memory.grow(wished - present) || this.#memory.grow(end + 1 - present));
      if (!grown) {
        throw new MemoryExhaustedError(count * PAGE_BYTES, this.#maximumPages * PAGE_BYTES, "A thread's memory");
      }
    }
    if (tail !== undefined) this.#free.pop();
    this.#frontier = end;
    return start;
  }
}
