import type { Clock } from "../host.ts";

export interface LookupCacheOptions {
  /** Rows that are kept at most; a key without rows counts as one. Those that were used last stay. */
  readonly maxRows: number;
  /** How long rows may be used after they were fetched; default: as long as there is room. */
  readonly ttlMs?: number;
  /** Whether it is kept, too, that there is nothing for a key; default true. */
  readonly missing?: boolean;
}

interface Kept {
  readonly rows: readonly object[];
  readonly untilMs: number;
}

/** The rows of keys that were used last. */
export class LookupCache {
  readonly #options: LookupCacheOptions;
  readonly #clock: Clock;
  /** The one that was used longest ago comes first. */
  readonly #kept = new Map<string, Kept>();
  #rowCount = 0;

  constructor(options: LookupCacheOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Rows kept at present, as `maxRows` counts them. */
  get rowCount(): number {
    return this.#rowCount;
  }

  get(key: string): readonly object[] | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (kept.untilMs <= this.#clock.monotonicMs()) {
      this.#rowCount -= sizeOf(kept);
      return undefined;
    }
    this.#kept.set(key, kept);
    return kept.rows;
  }

  set(key: string, rows: readonly object[]): void {
    const { maxRows, ttlMs, missing = true } = this.#options;
    const before = this.#kept.get(key);
    if (before !== undefined) this.#drop(key, before);
    const untilMs = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + ttlMs;
    const kept: Kept = { rows, untilMs };
    if (sizeOf(kept) > maxRows || (rows.length === 0 && !missing)) return;
    this.#kept.set(key, kept);
    this.#rowCount += sizeOf(kept);
    for (const [oldest, one] of this.#kept) {
      if (this.#rowCount <= maxRows) break;
      this.#drop(oldest, one);
    }
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#rowCount -= sizeOf(kept);
  }
}

const sizeOf = ({ rows }: Kept): number => Math.max(1, rows.length);
