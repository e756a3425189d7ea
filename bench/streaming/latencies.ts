const BUCKETS_PER_MS = 20;

/** Latencies of very many rows, to a twentieth of a millisecond. */
export class Latencies {
  /** Rows by latency; as long as the longest. */
  readonly #rows: number[] = [];
  #count = 0;
  #longestMs = 0;

  add(latencyMs: number, rows: number): void {
    const bucket = Math.max(0, Math.round(latencyMs * BUCKETS_PER_MS));
    this.#rows[bucket] = (this.#rows[bucket] ?? 0) + rows;
    this.#count += rows;
    this.#longestMs = Math.max(this.#longestMs, latencyMs);
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  /** So many milliseconds or fewer took this share of the rows. */
  at(share: number): number {
    let before = 0;
    const bucket = this.#rows.findIndex((rows = 0) => {
      before += rows;
      return before >= share * this.#count;
    });
    return bucket < 0 ? Number.NaN : bucket / BUCKETS_PER_MS;
  }
}
